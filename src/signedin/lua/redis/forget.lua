-- needs: records ending
-- Forget series of a user: one ('only'), or all but one or none ('keep'). Key: sessions.
if ARGV[2] == 'only' then return forget_one(KEYS[1], ARGV[1], ARGV[3]) end
return forget_all_but(KEYS[1], ARGV[1], ARGV[3])

"""What both colours of the Redis and Valkey store share: addresses, keys, stored form, failures, health.

What a verb does is one step, in ``lua/redis/``.
"""

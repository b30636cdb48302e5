"""Everything the page says, in one catalogue. Pure.

A message that counts has two forms, for one and for more. Values are put in as text; the template
escapes them.
"""

from __future__ import annotations

from typing import Final

ENGLISH: Final[dict[str, str | tuple[str, str]]] = {
    # the page
    "title": "Active Sessions",
    "lede": "These devices are signed in to your account. Revoke any you don't recognize.",
    "updated": "Updated just now",
    "refresh": "Refresh",
    "skip": "Skip to active sessions",
    "this_device": "This device",
    "your_current_session": "Your current session",
    "sign_out": "Sign out",
    "other_sessions": "Other sessions",
    "revoke_others": "Revoke all other sessions",
    "only_here": "You're only signed in here",
    "only_here_text": "When you sign in on another device or browser, it appears on this page with a"
    " Revoke button next to it.",
    "remember_note": "Revoking turns off Remember me everywhere",
    "remember_note_text": "Every device asks for your password at its next sign-in.",
    "remembered_elsewhere": (
        "{n} other browser is remembered.",
        "{n} other browsers are remembered.",
    ),
    "forget_others": "Turn off Remember me on other devices",
    "limit": ("{n} of {cap} sessions", "{n} of {cap} sessions"),
    "limit_text": "When you go past {cap}, the ones unused for longest are removed.",
    "everywhere": "Sign out on all devices",
    "filters": "Filter sessions",
    "filter_all": "All",
    "filter_remembered": "Remembered",
    "filter_idle": "Idle",
    "none_remembered": "No remembered sessions.",
    "none_idle": "No idle sessions.",
    "show_all": "Show all",
    "select_all": "Select all",
    "select": "Select {title}",
    "selected": ("{n} selected", "{n} selected"),
    "clear": "Clear",
    "revoke_selected": "Revoke selected",
    "selection": "Selected sessions",
    "limit_near": "The ones unused for longest are removed at {cap}.",
    "back": "Back to active sessions",
    # a row
    "revoke": "Revoke",
    "idle": "Idle",
    "admin_mode": "Admin mode",
    "remembered": "Remembered",
    "not_recognized": "Browser not recognized",
    "ip_address": "IP address",
    "last_active": "Last active",
    "signed_in": "Signed in",
    "details": "Details",
    "of": "of {title}",
    "method": "Sign-in method",
    "expires": "Expires",
    "device": "Device",
    "session": "Session",
    "session_of": "session {short_id}",
    "times_in": "Times shown in",
    "user_agent": "User agent",
    "name_label": "Your name for it",
    "save": "Save",
    "ended_tag": "Ended",
    "browser_on": "{browser} on {os}",
    "os_device": "{os} device",
    "unknown_device": "Unknown device",
    # times
    "active_now": "Active now",
    "just_now": "Just now",
    "minutes_ago": ("{n} minute ago", "{n} minutes ago"),
    "hours_ago": ("{n} hour ago", "{n} hours ago"),
    "yesterday": "Yesterday, {time}",
    "days_ago": ("{n} day ago", "{n} days ago"),
    "signed_in_today": "Signed in today, {time}",
    "signed_in_yesterday": "Signed in yesterday, {time}",
    "signed_in_on": "Signed in {date}, {time}",
    "no_limit": "When you sign out",
    # ways to sign in
    "method_password": "Password",
    "method_otp": "One-time code",
    "method_passkey": "Passkey",
    "method_sso": "Single sign-on",
    "method_remember_me": "Remember me",
    "and": "{first} and {last}",
    # asking first
    "dismiss": "Dismiss message",
    "confirm_one": "Revoke this session?",
    "is_signed_out": "{title} is signed out right away.",
    "remember_off": "Remember me is turned off on all your devices, so each one asks for your password"
    " next time.",
    "revoke_session": "Revoke session",
    "confirm_others": ("Revoke {n} other session?", "Revoke {n} other sessions?"),
    "confirm_others_text": "Every device except this one is signed out right away, and Remember me is"
    " turned off on all your devices. You stay signed in here.",
    "confirm_selected": ("Revoke {n} session?", "Revoke {n} sessions?"),
    "confirm_selected_text": "They are signed out right away, and Remember me is turned off on all your"
    " devices. You stay signed in here.",
    "confirm_everywhere": ("Sign out on {n} device?", "Sign out on {n} devices?"),
    "confirm_everywhere_text": "Every device is signed out right away, this one included, and Remember"
    " me is turned off on all your devices.",
    "revoke_n": ("Revoke {n} session", "Revoke {n} sessions"),
    "and_more": ("and {n} more", "and {n} more"),
    "cancel": "Cancel",
    # what has ended
    "history": "Sign-in history",
    "history_lede": "What was signed in to your account and has ended, for 30 days.",
    "history_empty": "Nothing has ended yet",
    "history_empty_text": "When a session ends, it appears here with the time and the reason.",
    "ended_at": "Ended",
    "ended_signed_out": "Signed out",
    "ended_revoked": "Revoked",
    "ended_revoked_by_operator": "Signed out by an administrator",
    "ended_credentials_changed": "Ended when sign-in details changed",
    "ended_theft": "Ended because a saved sign-in may have been copied",
    "ended_account_disabled": "Ended when the account was disabled",
    "ended_signed_out_everywhere": "Signed out on all devices",
    "ended_replaced": "Replaced by a new sign-in in the same browser",
    "ended_resumed": "Went on in a new session by Remember me",
    "ended_limit": "Removed at the session limit",
    "ended_idle": "Ended after a time without activity",
    "ended_expired": "Reached its time limit",
    "ended_unreadable": "Damaged",
    # what happened
    "flash_revoked": "{title} is signed out.",
    "flash_selected": ("{n} session is signed out.", "{n} sessions are signed out."),
    "flash_kept": "The session you're using was left out. Select Sign out to end it.",
    "flash_missing": (
        "{n} of those you selected is not in your list.",
        "{n} of those you selected are not in your list.",
    ),
    "flash_nothing": "No session was selected.",
    "flash_nothing_text": "Select one or more, then select Revoke selected.",
    "flash_renamed": "The name is saved.",
    "flash_others": "You're signed out everywhere else.",
    "flash_forgot": "Remember me was turned off on all your devices. You stay signed in here until this"
    " session ends.",
    "flash_stay": "You stay signed in here.",
    "flash_already_ended": "That session had already ended.",
    "flash_current": "You can't revoke the session you're using.",
    "flash_current_text": "Select Sign out instead.",
    "flash_forgotten": "Remember me is turned off on your other devices.",
    "flash_forgotten_text": "Each one asks for your password next time.",
    "store_down": "We can't show your sessions right now.",
    "store_down_text": "Nothing was changed. Try again in a moment.",
    "unknown_answer": "We couldn't confirm this.",
    "unknown_answer_text": "Check the list, and try again if the device is still there.",
    "new_sessions": ("{n} new session.", "{n} new sessions."),
    "show_them": ("Show it", "Show them"),
    "not_found": "There is no such session.",
    "not_found_text": "It isn't in your list, or it ended long ago.",
    "too_many": (
        "Too many changes. Try again in {n} second.",
        "Too many changes. Try again in {n} seconds.",
    ),
    "cross_site": "This came from another site.",
    "not_allowed": "This can't be done here.",
}


def say(key: str, **values: object) -> str:
    """A message with its values; ``n`` chooses between the forms of one that counts."""
    message = ENGLISH[key]
    if isinstance(message, tuple):
        message = message[values["n"] != 1]
    return message.format(**values)

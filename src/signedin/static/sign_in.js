// An iPad calls itself a Macintosh; only its touch points tell.
for (const field of document.getElementsByName("touch_points")) field.value = navigator.maxTouchPoints;

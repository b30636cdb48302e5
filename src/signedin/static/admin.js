// One box for all rows of the page. Everything else on the admin page is plain forms and links.

for (const all of document.querySelectorAll("[data-as-all]")) {
  const boxes = [...all.closest("table").querySelectorAll('input[name="id"]')];
  const look = () => {
    const checked = boxes.filter((box) => box.checked).length;
    all.checked = checked > 0 && checked === boxes.length;
    all.indeterminate = checked > 0 && checked < boxes.length;
  };
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
  });
  for (const box of boxes) box.addEventListener("change", look);
  look();
}

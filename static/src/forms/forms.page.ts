// Pages of forms: they work without this script; it adds the eye that shows a password.

function showWhenAsked(eye: HTMLButtonElement): void {
  const field = document.getElementById(eye.dataset["eye"] ?? "");
  const icon = eye.querySelector("use");
  if (!(field instanceof HTMLInputElement)) return;
  eye.hidden = false;
  eye.addEventListener("click", () => {
    const show = field.type === "password";
    field.type = show ? "text" : "password";
    eye.setAttribute("aria-pressed", String(show));
    icon?.setAttribute("href", (icon.getAttribute("href") ?? "").replace(/#.*$/, show ? "#eye-off" : "#eye"));
  });
  // Browsers offer to keep a password, but remember what was typed as plain text without asking.
  field.form?.addEventListener("submit", () => {
    field.type = "password";
  });
}

for (const eye of document.querySelectorAll<HTMLButtonElement>("button[data-eye]")) showWhenAsked(eye);

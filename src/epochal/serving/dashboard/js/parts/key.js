/* The dialog that asks for a key; every request that was refused meanwhile waits for the same. */
import { h } from "../dom.js";

let asking = null;

export function askForKey(wasWrong) {
  asking ??= new Promise((resolve) => {
    const input = h("input", { type: "password", autocomplete: "off", required: true, id: "key" });
    const dialog = h("dialog", { "aria-labelledby": "key-title" },
      h("h2", { id: "key-title" }, "This service asks for a key"),
      h("form", { method: "dialog" },
        h("p", { class: "muted" }, wasWrong ? "The key that was given is not one of this service." : "Its operator has it. It is kept until you close this tab."),
        h("label", { class: "field" }, "API key", input),
        h("div", { class: "row" }, h("button", { class: "main" }, "Open"))));
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("close", () => {
      dialog.remove();
      asking = null;
      resolve(input.value);
    });
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
  return asking;
}

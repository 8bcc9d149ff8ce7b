/* Before anything is drawn: the reader's own choice of light or dark, if there is one. */
(function () {
  try {
    var theme = localStorage.getItem("epochal-theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch (error) { /* storage may be forbidden: the system's choice stands */ }
})();

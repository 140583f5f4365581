// A content script cannot be a module, so this line brings the modules in. A second run in the same
// document finds them loaded and changes nothing.
import(chrome.runtime.getURL("content/main.js")).then(() => true);

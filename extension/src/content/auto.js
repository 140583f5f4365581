// Runs on the sites that the person chose for the automatic check, and brings in the module.
import(chrome.runtime.getURL("content/watch.js"));

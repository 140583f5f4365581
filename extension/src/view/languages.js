// Written by `make contract`, from what Python declares.

export default ["en", "ar", "de", "es", "fr"];

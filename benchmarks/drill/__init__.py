"""The fault drill: real machines at work while their parts are killed; nothing may get lost."""

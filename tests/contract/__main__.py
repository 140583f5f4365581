"""`make contract`: write every file that is made from the code."""

from tests.contract.files import made

for path, text in made().items():
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
        print(f"written: {path}")

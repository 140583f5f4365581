"""Content Credentials: what they claim is taken over only where their seal holds."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest

from server.analysis.provenance import credentials
from server.analysis.provenance.reading import TRUST_LIST, read
from server.analysis.provenance.records import Declaration
from tests.signing import Authority, action, authority, signed, uses

Plain = dict[str, Path]


def said(path: Path, trust_list: str | None = None) -> Declaration:
    """The only declaration of a file."""
    [found] = list(read(path, trust_list or authority().pem))[-1].declarations
    return found


def generated(plain: Plain, folder: Path, end: str = ".jpg") -> Path:
    done = action("created", "trainedAlgorithmicMedia")
    return signed(plain[end], folder / f"generated{end}", done)


@pytest.mark.parametrize("end", [".jpg", ".png", ".webp", ".mp4", ".mov"])
def test_every_container_is_read(plain: Plain, tmp_path: Path, end: str) -> None:
    found = said(generated(plain, tmp_path, end))
    assert (found.seal, found.claims, found.signer) == ("trusted", ("generated",), "Test News")
    assert found.by == "Test tool"
    assert found.problems == ()


def test_without_them_nothing_is_said(plain: Plain) -> None:
    for path in plain.values():
        assert list(read(path, authority().pem))[-1].declarations == ()


def test_anybody_can_sign(plain: Plain, tmp_path: Path) -> None:
    found = said(generated(plain, tmp_path), TRUST_LIST.read_text())
    assert (found.seal, found.claims) == ("unknown", ("generated",))
    assert found.problems == ("signingCredential.untrusted",)


@pytest.mark.attack
def test_changed_pixels_end_every_claim(plain: Plain, tmp_path: Path) -> None:
    path = generated(plain, tmp_path)
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    found = said(path)
    assert (found.seal, found.claims, found.signer) == ("changed", (), None)
    assert "assertion.dataHash.mismatch" in found.problems


@pytest.mark.attack
def test_a_changed_claim_is_broken(plain: Plain, tmp_path: Path) -> None:
    path = generated(plain, tmp_path)
    path.write_bytes(
        path.read_bytes().replace(b"trainedAlgorithmicMedia", b"digitalCaptureXXXXXXXXX")
    )
    found = said(path)
    assert (found.seal, found.claims, found.by) == ("broken", (), None)


@pytest.mark.attack
def test_credentials_of_another_picture_say_nothing(plain: Plain, tmp_path: Path) -> None:
    """They are moved with their chunk into a PNG of the same size."""
    path = generated(plain, tmp_path, ".png")
    data, other = path.read_bytes(), bytearray(plain[".png"].read_bytes())
    at = data.index(b"caBX") - 4
    end = at + 12 + int.from_bytes(data[at : at + 4])
    other[-30] ^= 1  # in its picture
    swapped = tmp_path / "swapped.png"
    swapped.write_bytes(other[:33] + data[at:end] + other[33:])
    assert said(swapped).seal == "changed"


@pytest.mark.attack
def test_an_expired_certificate_is_void(plain: Plain, tmp_path: Path) -> None:
    short = Authority("Short News", timedelta(seconds=3))
    ends = time.time() + 4  # certificates know whole seconds
    path = signed(
        plain[".jpg"], tmp_path / "short.jpg", action("created", "digitalCapture"), by=short
    )
    time.sleep(max(0.0, ends - time.time()))
    found = said(path, short.pem)
    assert (found.seal, found.claims) == ("void", ())
    assert "signingCredential.expired" in found.problems


@pytest.mark.attack
def test_damaged_and_huge_ones_get_their_words(
    plain: Plain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = generated(plain, tmp_path)
    whole = path.read_bytes()
    at = whole.index(b"jumb")
    path.write_bytes(whole[: at + 40] + bytes(600) + whole[at + 640 :])
    assert said(path).seal == "unreadable"
    path.write_bytes(whole)
    monkeypatch.setattr(credentials, "MANIFEST_BYTES", 100)
    assert said(path).seal == "too-large"


@pytest.mark.attack
def test_nothing_is_fetched(plain: Plain, tmp_path: Path) -> None:
    """A file may name an address where its credentials are; that is all that is said."""
    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        'xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="http://127.0.0.1:9/m"/>'
        "</rdf:RDF></x:xmpmeta>"
    )
    content = b"http://ns.adobe.com/xap/1.0/\0" + xmp.encode()
    segment = b"\xff\xe1" + (len(content) + 2).to_bytes(2) + content
    jpeg = plain[".jpg"].read_bytes()
    path = tmp_path / "remote.jpg"
    path.write_bytes(jpeg[:2] + segment + jpeg[2:])
    assert said(path).seal == "elsewhere"
    assert not credentials.SETTINGS["verify"]["remote_manifest_fetch"]


def test_what_was_opened_lends_its_origin(plain: Plain, tmp_path: Path) -> None:
    """The active manifest has `opened` only; what it was made from was generated."""
    made = generated(plain, tmp_path)
    done = (action("opened", **uses(made)), action("color_adjustments"))
    path = signed(plain[".jpg"], tmp_path / "edited.jpg", *done, parts=((made, "parentOf"),))
    assert said(path).claims == ("generated", "edited")


def test_a_generated_part_does_not_make_a_film_generated(plain: Plain, tmp_path: Path) -> None:
    part = generated(plain, tmp_path)
    done = (action("created", "digitalCapture"), action("placed", **uses(part)))
    path = signed(plain[".mp4"], tmp_path / "film.mp4", *done, parts=((part, "componentOf"),))
    assert said(path).claims == ("partly-generated", "edited", "camera")


@pytest.mark.attack
def test_a_trusted_tool_vouches_for_no_camera_of_a_stranger(plain: Plain, tmp_path: Path) -> None:
    stranger = Authority("Stranger")
    taken = tmp_path / "taken.jpg"
    signed(plain[".jpg"], taken, action("created", "digitalCapture"), by=stranger)
    opened = action("opened", **uses(taken))
    path = signed(plain[".jpg"], tmp_path / "opened.jpg", opened, parts=((taken, "parentOf"),))
    found = said(path)
    assert (found.seal, found.claims) == ("trusted", ())
    assert said(path, stranger.pem + authority().pem).claims == ("camera",)


@pytest.mark.attack
def test_a_broken_part_lends_nothing(plain: Plain, tmp_path: Path) -> None:
    part = generated(plain, tmp_path)
    data = bytearray(part.read_bytes())
    data[-100] ^= 1
    part.write_bytes(data)
    opened = action("opened", **uses(part))
    path = signed(plain[".jpg"], tmp_path / "opened.jpg", opened, parts=((part, "parentOf"),))
    assert said(path).claims == ()


@pytest.mark.parametrize(
    ("done", "claims"),
    [
        (action("created", "algorithmicMedia"), ("software",)),
        (action("created", "compositeWithTrainedAlgorithmicMedia"), ("partly-generated",)),
        (action("edited", "trainedAlgorithmicMedia"), ("partly-generated", "edited")),
        (action("created", "digitalCapture"), ("camera",)),
        (action("created", "screenCapture"), ("screen",)),
        (action("created", "empty"), ()),
    ],
)
def test_source_types(
    plain: Plain, tmp_path: Path, done: dict[str, str], claims: tuple[str, ...]
) -> None:
    first = () if done["action"] == "c2pa.created" else (action("created", "empty"),)
    assert said(signed(plain[".jpg"], tmp_path / "done.jpg", *first, done)).claims == claims


def test_edits_without_ai_are_edits(plain: Plain, tmp_path: Path) -> None:
    done = (action("created", "empty"), action("cropped"), action("published"))
    path = signed(plain[".jpg"], tmp_path / "edited.jpg", *done)
    assert said(path).claims == ("edited",)


def test_a_vendors_own_assertion(plain: Plain, tmp_path: Path) -> None:
    own = {"label": "c2pa.ai_generated_content", "data": {"model": "x"}}
    path = signed(
        plain[".jpg"], tmp_path / "own.jpg", action("created", "empty"), assertions=(own,)
    )
    assert said(path).claims == ("generated",)


def test_the_list_that_ships_is_one() -> None:
    from cryptography import x509

    certificates = x509.load_pem_x509_certificates(TRUST_LIST.read_bytes())
    assert len(certificates) >= 30
    assert len({each.fingerprint(each.signature_hash_algorithm) for each in certificates}) == len(  # type: ignore[arg-type]
        certificates
    )

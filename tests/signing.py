"""Content Credentials for tests: a certificate authority of our own, made when it is asked for.

`signed(source, path, actions...)` writes a copy of a picture or film that a tool claims something
of; `Authority.pem` is what a trust list would hold. Nothing leaves this machine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
KINDS = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
}
SETTINGS = c2pa.Settings.from_dict({"builder": {"thumbnail": {"enabled": False}}})


@dataclass(frozen=True)
class Authority:
    """A root, and a certificate for signing under it that holds for so long from now."""

    name: str = "Test News"
    lasts: timedelta = timedelta(days=30)
    root: tuple[ec.EllipticCurvePrivateKey, x509.Certificate] = field(init=False)
    leaf: tuple[ec.EllipticCurvePrivateKey, x509.Certificate] = field(init=False)

    def __post_init__(self) -> None:
        root = _certificate(f"{self.name} root", self.name, timedelta(days=60))
        leaf = _certificate(f"{self.name} signer", self.name, self.lasts, root)
        object.__setattr__(self, "root", root)
        object.__setattr__(self, "leaf", leaf)

    @property
    def pem(self) -> str:
        return self.root[1].public_bytes(Encoding.PEM).decode()

    def signer(self) -> c2pa.Signer:
        chain = self.leaf[1].public_bytes(Encoding.PEM) + self.pem.encode()
        key = self.leaf[0].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", chain, key, None))


@cache
def authority(name: str = "Test News") -> Authority:
    return Authority(name)


def _certificate(
    common: str,
    organization: str,
    lasts: timedelta,
    issuer: tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None = None,
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """A certificate for signing, or a root where no issuer is given."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )
    issuing_key, issuing_name = (issuer[0], issuer[1].subject) if issuer else (key, subject)
    now, root = datetime.now(UTC), issuer is None
    public = issuing_key.public_key()
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuing_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=50))
        .not_valid_after(now + lasts)
        .add_extension(x509.BasicConstraints(ca=root, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .add_extension(_usage(root), critical=True)
    )
    if not root:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        made = made.add_extension(usage, critical=False)
    return key, made.sign(issuing_key, hashes.SHA256())


def _usage(root: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not root,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=root,
        crl_sign=root,
        encipher_only=False,
        decipher_only=False,
    )


def action(name: str, source_type: str | None = None, **more: Any) -> dict[str, Any]:
    """An action of C2PA's; `source_type`: the last part of IPTC's term."""
    typed = {"digitalSourceType": IPTC + source_type} if source_type else {}
    return {"action": f"c2pa.{name}", **typed, **more}


def uses(part: Path) -> dict[str, Any]:
    """The parameters of an action that was done with a part."""
    return {"parameters": {"ingredientIds": [part.name]}}


def signed(
    source: Path,
    path: Path,
    *actions: dict[str, Any],
    by: Authority | None = None,
    parts: tuple[tuple[Path, str], ...] = (),
    assertions: tuple[dict[str, Any], ...] = (),
) -> Path:
    """Write `path`: `source` with Content Credentials. `parts`: (file, relationship) of what it was
    made from, such as "parentOf"; `uses()` names one in an action."""
    done = {"label": "c2pa.actions.v2", "data": {"actions": list(actions)}}
    manifest = {
        "claim_generator_info": [{"name": "Test tool", "version": "1"}],
        "assertions": [done, *assertions],
    }
    builder = c2pa.Builder(json.dumps(manifest), context=c2pa.Context(SETTINGS))
    for part, relationship in parts:
        about = {"title": part.name, "relationship": relationship, "instance_id": part.name}
        with part.open("rb") as file:
            builder.add_ingredient(json.dumps(about), KINDS[part.suffix], file)
    with source.open("rb") as given, path.open("w+b") as written:
        builder.sign((by or authority()).signer(), KINDS[source.suffix], given, written)
    return path

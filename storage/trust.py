"""Who made an artifact: signatures by a key of the user's own, and the digests that the user trusts.

An artifact is a pickle, and a pickle is a program. What this user stored is signed; what somebody else made is not run
until the user trusts its digest. A signature is bound to the bytes alone (HMAC-SHA256, RFC 2104, over their sha256):
it says that they were once stored by this user, not where or as what.

The key lies in the user's settings, for its owner alone, and so does the list of digests that are trusted.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field

from storage.disk import outside_lock, user_name, write_atomic, write_new_private
from storage.errors import BadInput, Corrupt, NotFound, StorageError
from storage.reading import read_private
from storage.records import Document, Moment, Record, read_document, utc_now

_SIGNED_AS = b"runshelf artifact 1\0"  # a signature made for this is of no use for anything else
_NAMED_AS = b"runshelf key 1\0"
_KEY_BYTES = 32
_UNSIGNED = "Artifacts are not signed: {}"
_SHA256 = re.compile(r"[0-9a-f]{64}")
Origin = Literal["own", "trusted", "unsigned", "foreign"]


class TrustedDigest(Record):
    """An artifact somebody decided to trust: its sha256, and who did so, when and why."""

    sha256: str
    at: Moment
    by: str = ""
    why: str = ""


class _TrustList(Document):
    """trusted.json."""

    trusted: list[TrustedDigest] = Field(default_factory=list)


@dataclass(frozen=True)
class Judgement:
    """Where an artifact comes from, and why that is thought, in a sentence."""

    origin: Origin
    why: str

    @property
    def is_vouched_for(self) -> bool:
        """Whether it may be loaded whatever it names."""
        return self.origin in ("own", "trusted")


class Keyring:
    """The key and the trusted digests of one user. Nothing is read or made before it is asked for.

    Where no key can be had `sign` gives empty texts, and `problem` says why: work goes on, unsigned.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = platformdirs.user_config_path("runshelf") if folder is None else folder
        self._key: bytes | None = None
        self._guard = threading.Lock()
        self.problem = ""

    @property
    def path(self) -> Path:
        """Where the key lies."""
        return self._folder / "artifacts.key"

    @property
    def _list_path(self) -> Path:
        return self._folder / "trusted.json"

    # ------------------------------------------------------------ signing

    def sign(self, sha256: str) -> tuple[str, str]:
        """The signature of an artifact and the id of the key; both empty where there is no key."""
        key = self._own_key(make=True)
        return ("", "") if key is None else (_signature(key, sha256), _key_id(key))

    def judge(self, sha256: str, signature: str = "", key_id: str = "") -> Judgement:
        """Where the artifact with that digest comes from, by its signature and the list of those that are trusted."""
        key = self._own_key(make=False)
        if key is not None and signature and hmac.compare_digest(_signature(key, sha256).encode(), signature.encode()):
            return Judgement("own", "You made it.")
        if any(one.sha256 == sha256 for one in self.trusted()):
            return Judgement("trusted", "You trust it.")
        if not signature:
            return Judgement("unsigned", "Nobody signed it.")
        if key is None:
            return Judgement("foreign", f"It is signed, but your key can't be read. {self.problem}".strip())
        if key_id == _key_id(key):
            return Judgement("foreign", "It is said to be signed by you, but your signature is another.")
        return Judgement("foreign", "It is signed by somebody else, or by you on another machine.")

    def _own_key(self, make: bool) -> bytes | None:
        """The key; made where there is none, if so wished. What goes wrong becomes the `problem`."""
        with self._guard:
            if self._key is None and not (self.problem and make):
                try:
                    self._key = self._read_key()
                except NotFound:
                    self._key = self._new_key() if make else None
                except StorageError as error:
                    self.problem = _UNSIGNED.format(error)
            return self._key

    def _read_key(self) -> bytes:
        key = read_private(self.path, "signing key")
        if len(key) != _KEY_BYTES:
            raise Corrupt(f"The signing key {self.path} is damaged.", self.path, "Move it away: a new one is made.")
        return key

    def _new_key(self) -> bytes | None:
        """Make the key; of two processes that do so at once both get the same."""
        try:
            with outside_lock(self._folder / "lock"):
                write_new_private(self.path, secrets.token_bytes(_KEY_BYTES))
                return self._read_key()
        except StorageError as error:
            self.problem = _UNSIGNED.format(error)
            return None

    # ------------------------------------------------------------ trusting

    def trusted(self) -> list[TrustedDigest]:
        """The digests that are trusted, oldest first. Raises Corrupt or BadInput for a list that can't be relied on."""
        try:
            read_private(self._list_path, "list of trusted artifacts")
            return read_document(self._list_path, _TrustList).trusted
        except NotFound:
            return []

    def trust(self, digests: Iterable[str], why: str = "") -> list[TrustedDigest]:
        """Trust artifacts by their sha256 from now on; those trusted before stay as they are. Returns what is new."""
        wanted = list(dict.fromkeys(_checked(digest) for digest in digests))
        with outside_lock(self._folder / "lock"):
            before = self.trusted()
            known = {one.sha256 for one in before}
            new = [
                TrustedDigest(sha256=digest, at=utc_now(), by=user_name(), why=why)
                for digest in wanted
                if digest not in known
            ]
            if new:
                self._write([*before, *new])
        return new

    def untrust(self, digests: Sequence[str]) -> list[TrustedDigest]:
        """Trust artifacts no longer; each is named by the first digits of its sha256 that no other has.

        Returns those it was. Raises NotFound, BadInput where several begin so, and then nothing is changed.
        """
        with outside_lock(self._folder / "lock"):
            before = self.trusted()
            gone = [_one_of(before, digest, self._list_path) for digest in digests]
            self._write([one for one in before if one not in gone])
        return gone

    def named(self, digests: Sequence[str]) -> list[TrustedDigest]:
        """What `untrust` would trust no longer; nothing is changed. Raises what it does."""
        trusted = self.trusted()
        return [_one_of(trusted, digest, self._list_path) for digest in digests]

    def _write(self, trusted: list[TrustedDigest]) -> None:
        write_atomic(self._list_path, _TrustList(trusted=trusted).to_json(), private=True)


def _signature(key: bytes, sha256: str) -> str:
    return hmac.new(key, _SIGNED_AS + bytes.fromhex(sha256), hashlib.sha256).hexdigest()


def _key_id(key: bytes) -> str:
    """What a key is called: nothing of it can be told from that."""
    return hmac.new(key, _NAMED_AS, hashlib.sha256).hexdigest()[:16]


def _checked(digest: str) -> str:
    digest = digest.strip().lower()
    if not _SHA256.fullmatch(digest):
        raise BadInput(f"'{digest[:80]}' is no sha256.", advice="Give all of its 64 digits.")
    return digest


def _one_of(trusted: Sequence[TrustedDigest], digest: str, path: Path) -> TrustedDigest:
    found = [one for one in trusted if digest and one.sha256.startswith(digest.strip().lower())]
    if not found:
        raise NotFound(f"'{digest[:80]}' is not trusted.", path, "List what is: runshelf trust list.")
    if len(found) > 1:
        raise BadInput(f"Several trusted artifacts begin with '{digest}'.", path, "Give more digits.")
    return found[0]

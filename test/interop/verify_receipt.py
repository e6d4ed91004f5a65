#!/usr/bin/env python3
"""A second verifier of receipts, written from docs/receipt-format.md alone. Python 3.9+, nothing besides.

verify_receipt.py vectors DIR             run every vector of DIR; the last line is `N passed, N failed`
verify_receipt.py proof FILE JWKS         verify a receipt
verify_receipt.py disclosure FILE JWKS    verify a receipt with openings
verify_receipt.py envelope FILE JWKS      verify a DSSE envelope or a sigstore bundle
verify_receipt.py log DIR JWKS            verify a whole log from its files
"""

import base64
import datetime
import hashlib
import json
import math
import os
import re
import sys


class Refused(Exception):
    """A refusal: `malformed`, `verification-failed` or `not-trusted`."""

    def __init__(self, code, why):
        super().__init__(f"{code}: {why}")
        self.code = code


def malformed(why):
    raise Refused("malformed", why)


def failed(why):
    raise Refused("verification-failed", why)


def distrust(why):
    raise Refused("not-trusted", why)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# Encodings, in their one canonical form each.


def from_base64(text):
    if not re.fullmatch(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", text):
        malformed("base64")
    data = base64.b64decode(text)
    if base64.b64encode(data).decode() != text:
        malformed("base64 with unused bits")
    return data


def from_base64url(text):
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text) or len(text) % 4 == 1:
        malformed("base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(data).decode().rstrip("=") != text:
        malformed("base64url with unused bits")
    return data


def to_base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


SAFE = 2**53 - 1


def parse_json(text):
    """Strict JSON: no member twice, no unpaired surrogate, whole numbers within 2^53."""

    def members(pairs):
        found = dict(pairs)
        if len(found) != len(pairs):
            malformed("a member stands twice")
        return found

    def whole(digits):
        value = int(digits)
        if abs(value) > SAFE:
            malformed("an integer beyond 2^53")
        return value

    def number(digits):
        value = float(digits)
        if not math.isfinite(value) or (value.is_integer() and abs(value) > SAFE):
            malformed("a number beyond what is exact")
        return value

    def constant(_):
        malformed("no JSON")

    try:
        value = json.loads(
            text,
            object_pairs_hook=members,
            parse_int=whole,
            parse_float=number,
            parse_constant=constant,
        )
        # Unpaired surrogates do not encode.
        json.dumps(value, ensure_ascii=False).encode()
        return value
    except (ValueError, RecursionError) as error:
        malformed(str(error))


def number_text(value):
    """ECMAScript's Number::toString, which RFC 8785 prescribes."""
    if value == 0:
        return "0"
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e21):
        return str(int(value))
    sign = "-" if value < 0 else ""
    mantissa, exponent = f"{abs(value)!r}", 0
    if "e" in mantissa:
        mantissa, text = mantissa.split("e")
        exponent = int(text)
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + exponent - (len(whole + fraction) - len((whole + fraction).lstrip("0")))
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    rest = "." + digits[1:] if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{rest}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def canonical(value):
    """RFC 8785."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (int, float)):
        return number_text(value)
    if isinstance(value, list):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    names = sorted(value, key=lambda name: name.encode("utf-16-be"))
    return "{" + ",".join(f"{canonical(name)}:{canonical(value[name])}" for name in names) + "}"


# Ed25519 (RFC 8032) and ECDSA on P-256 (FIPS 186-5), for verifying alone.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
BASE_Y = 4 * pow(5, -1, P) % P


def ed_x(y, sign):
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P != 0:
        return None
    if x == 0 and sign:
        return None
    return P - x if x % 2 != sign else x


def ed_point(data):
    """A point in its canonical spelling and not of low order; None otherwise."""
    value = int.from_bytes(data, "little")
    y, sign = value & ((1 << 255) - 1), value >> 255
    if y >= P:
        return None
    x = ed_x(y, sign)
    if x is None:
        return None
    point = (x, y, 1, x * y % P)
    eighth = point
    for _ in range(3):
        eighth = ed_add(eighth, eighth)
    if eighth[0] % P == 0 and (eighth[1] - eighth[2]) % P == 0:
        return None
    return point


def ed_add(one, other):
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def ed_times(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = ed_add(result, point)
        point = ed_add(point, point)
        scalar >>= 1
    return result


def ed25519_holds(key, message, signature):
    if len(signature) != 64:
        return False
    public, commitment = ed_point(key), ed_point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if public is None or commitment is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    base = (ed_x(BASE_Y, 0), BASE_Y, 1, ed_x(BASE_Y, 0) * BASE_Y % P)
    left, right = ed_times(s, base), ed_add(commitment, ed_times(k, public))
    same_x = (left[0] * right[2] - right[0] * left[2]) % P == 0
    return same_x and (left[1] * right[2] - right[1] * left[2]) % P == 0


Q = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def p256_add(one, other):
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2:
        if (y1 + y2) % Q == 0:
            return None
        slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, Q) % Q
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, Q) % Q
    x = (slope * slope - x1 - x2) % Q
    return (x, (slope * (x1 - x) - y1) % Q)


def p256_times(scalar, point):
    result = None
    while scalar:
        if scalar & 1:
            result = p256_add(result, point)
        point = p256_add(point, point)
        scalar >>= 1
    return result


def on_p256(x, y):
    return x < Q and y < Q and (y * y - x * x * x + 3 * x - B) % Q == 0


def p256_holds(point, message, r, s):
    if not (0 < r < N and 0 < s < N):
        return False
    inverse = pow(s, -1, N)
    digest = int.from_bytes(sha256(message), "big")
    sum_ = p256_add(
        p256_times(digest * inverse % N, G), p256_times(r * inverse % N, point)
    )
    return sum_ is not None and sum_[0] % N == r


def der_integers(der):
    """`r` and `s` of the one DER encoding; None for anything else."""
    numbers, at = [], 2
    if len(der) < 8 or der[0] != 0x30 or der[1] != len(der) - 2:
        return None
    for _ in range(2):
        if at + 2 > len(der) or der[at] != 2:
            return None
        size = der[at + 1]
        body = der[at + 2 : at + 2 + size]
        if len(body) != size or size == 0 or body[0] >= 0x80:
            return None
        if size > 1 and body[0] == 0 and body[1] < 0x80:
            return None
        numbers.append(int.from_bytes(body, "big"))
        at += 2 + size
    return numbers if at == len(der) else None


# Keys.

P256_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
ED_SPKI = bytes.fromhex("302a300506032b6570032100")


class Key:
    """A public key with what it may do."""

    def __init__(self, jwk, assumed):
        if not isinstance(jwk, dict):
            malformed("a JWK is an object")
        if any(name in jwk for name in ("d", "p", "q", "dp", "dq", "qi", "oth", "k")):
            malformed("a private key")
        kind = (jwk.get("kty"), jwk.get("crv"))
        if kind == ("EC", "P-256"):
            x, y = from_base64url(jwk["x"]), from_base64url(jwk["y"])
            if len(x) != 32 or len(y) != 32:
                malformed("a coordinate of another length")
            self.point = (int.from_bytes(x, "big"), int.from_bytes(y, "big"))
            if not on_p256(*self.point):
                malformed("no point of P-256")
            self.alg, self.spki = "ES256", P256_SPKI + x + y
            required = {"crv": "P-256", "kty": "EC", "x": jwk["x"], "y": jwk["y"]}
        elif kind == ("OKP", "Ed25519"):
            self.raw = from_base64url(jwk["x"])
            if len(self.raw) != 32:
                malformed("a key of another length")
            if ed_point(self.raw) is None:
                distrust("a weak Ed25519 key")
            self.alg, self.spki = "EdDSA", ED_SPKI + self.raw
            required = {"crv": "Ed25519", "kty": "OKP", "x": jwk["x"]}
        else:
            malformed("a key of a kind this verifier does not know")
        self.kid = to_base64url(sha256(canonical(required).encode()))
        self.roles = jwk.get("warder_roles", assumed)
        self.origin = jwk.get("warder_origin")
        self.heads = jwk.get("warder_heads", {"from": 0})

    def note_id(self, name):
        if self.alg == "EdDSA":
            return sha256(name.encode(), b"\n\x01", self.raw)[:4]
        return sha256(self.spki)[:4]

    def holds(self, message, signature):
        """ECDSA in DER, as notes and envelopes have it."""
        if self.alg == "EdDSA":
            return ed25519_holds(self.raw, message, signature)
        numbers = der_integers(signature)
        return numbers is not None and p256_holds(self.point, message, *numbers)


def load_keys(jwks, assumed=("checkpoint",)):
    return [Key(jwk, list(assumed)) for jwk in jwks["keys"]]


# Trees (RFC 6962).


def leaf_hash(leaf):
    return sha256(b"\x00", leaf)


def node_hash(left, right):
    return sha256(b"\x01", left, right)


def verify_inclusion(index, size, hash_, root, proof):
    if index >= size:
        failed("there is no such leaf")
    at, last = index, size - 1
    for sibling in proof:
        if last == 0:
            failed("the proof is too long")
        if at % 2 == 1 or at == last:
            hash_ = node_hash(sibling, hash_)
            while at % 2 == 0 and at != 0:
                at, last = at // 2, last // 2
        else:
            hash_ = node_hash(hash_, sibling)
        at, last = at // 2, last // 2
    if last != 0:
        failed("the proof is too short")
    if hash_ != root:
        failed("the leaf is not in the tree")


def verify_consistency(earlier, earlier_root, size, root, proof):
    if earlier > size:
        failed("the log was cut back")
    if earlier in (0, size):
        if proof or (earlier == size and earlier_root != root):
            failed("the log was forked")
        return
    at, last = earlier - 1, size - 1
    while at % 2 == 1:
        at, last = at // 2, last // 2
    path = ([earlier_root] if at == 0 else []) + proof
    if not path:
        failed("the proof is too short")
    before = after = path[0]
    for hash_ in path[1:]:
        if last == 0:
            failed("the proof is too long")
        if at % 2 == 1 or at == last:
            before, after = node_hash(hash_, before), node_hash(hash_, after)
            while at % 2 == 0 and at != 0:
                at, last = at // 2, last // 2
        else:
            after = node_hash(after, hash_)
        at, last = at // 2, last // 2
    if last != 0 or before != earlier_root or after != root:
        failed("the log was forked")


def tree_root(hashes):
    """MTH of RFC 6962 section 2.1 over leaf hashes."""
    if not hashes:
        return sha256()
    row = list(hashes)
    while len(row) > 1:
        joined = [node_hash(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)]
        row = joined + (row[-1:] if len(row) % 2 else [])
    return row[0]


# Checkpoints.


def decimal(text):
    if not re.fullmatch(r"0|[1-9][0-9]{0,15}", text) or int(text) > SAFE:
        malformed("a number that is not canonical decimal")
    return int(text)


def parse_note(note):
    if re.search(r"[\x00-\x09\x0b-\x1f]", note):
        malformed("a control character in a note")
    split = note.rfind("\n\n")
    if split < 0 or not note.endswith("\n"):
        malformed("a note has signature lines after a blank line")
    signatures = []
    for line in note[split + 2 : -1].split("\n"):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "—" or parts[1] == "" or "+" in parts[1]:
            malformed("a signature line")
        data = from_base64(parts[2])
        if len(data) < 5:
            malformed("a short signature")
        signatures.append((parts[1], data[:4], data[4:]))
    if len({(name, key_id) for name, key_id, _ in signatures}) < len(signatures):
        malformed("one key signed twice")
    return note[: split + 1], signatures


def verify_checkpoint(note, keys):
    text, signatures = parse_note(note)
    lines = text.split("\n")
    if len(lines) < 4 or lines[0] == "" or "" in lines[3:-1]:
        malformed("a checkpoint is origin, size and root on a line each")
    origin, size, root = lines[0], decimal(lines[1]), from_base64(lines[2])
    if len(root) != 32:
        malformed("a root is 32 bytes")
    wanted = [
        key
        for key in keys
        if "checkpoint" in key.roles
        and key.heads["from"] <= size <= key.heads.get("to", math.inf)
    ]
    if not wanted:
        distrust("no given key signs such a head")
    missing = []
    for key in wanted:
        mine = key.origin in (None, origin)
        line = [s for n, i, s in signatures if mine and (n, i) == (origin, key.note_id(origin))]
        if not line:
            missing.append(key)
        elif not key.holds(text.encode(), line[0]):
            failed("a signature does not hold")
    if missing:
        distrust("a key that had to sign did not")
    if any("cosignedBefore" in key.heads for key in wanted):
        distrust("heads of a compromised key count by a witness, and none was given")
    return origin, size, root


# Leaves.

HEX64 = re.compile(r"[0-9a-f]{64}")
WORD = re.compile(r"[a-z][a-z-]{0,31}")
SHORT = re.compile(r"[^\x00-\x1f]{1,256}", re.S)
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z", re.A)


def text_of(pattern):
    # JavaScript counts UTF-16 units; the patterns that count are over texts without astral characters.
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def is_count(value):
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return whole and not isinstance(value, bool) and 0 <= value <= SAFE


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_time(value):
    if not text_of(TIME)(value):
        return False
    try:
        datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ")
        return True
    except ValueError:
        return False


def shape(**members):
    return lambda value: isinstance(value, dict) and all(
        name in value and test(value[name]) for name, test in members.items()
    )


def each(test):
    return lambda value: isinstance(value, dict) and all(test(item) for item in value.values())


def every(test):
    return lambda value: isinstance(value, list) and all(test(item) for item in value)


REQUIRED = {
    "id": text_of(re.compile(r"(?:[a-z]{1,16}_)?[0-7][0-9A-HJKMNP-TV-Z]{25}")),
    "type": text_of(WORD),
    "outcome": text_of(WORD),
    "tenant": text_of(re.compile(r"[a-z0-9-]{1,32}")),
    "time": is_time,
    "nonce": text_of(re.compile(r"[0-9a-f]{32}")),
    "assurance": text_of(WORD),
    "jail": text_of(WORD),
}
OPTIONAL = {
    "tool": text_of(SHORT),
    "installation": shape(id=text_of(SHORT), digest=text_of(SHORT)),
    "operator": lambda value: value is True,
    "lease": text_of(SHORT),
    "task": text_of(SHORT),
    "approval": text_of(SHORT),
    "code": text_of(SHORT),
    "commitments": each(text_of(HEX64)),
    "decision": shape(
        effect=text_of(WORD),
        rules=every(text_of(SHORT)),
        policy=text_of(HEX64),
        latencyUs=is_count,
    ),
    "risk": shape(verdict=text_of(WORD), signals=every(text_of(WORD))),
    "effects": every(
        shape(
            kind=text_of(WORD),
            state=text_of(WORD),
            count=is_count,
            bytes=is_count,
            target=text_of(HEX64),
        )
    ),
    "usage": each(is_number),
    "detail": lambda value: isinstance(value, dict),
}


def parse_leaf(data):
    if len(data) > 16384:
        malformed("a leaf is at most 16,384 bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        malformed("a leaf is UTF-8")
    statement = parse_json(text)
    if canonical(statement) != text:
        malformed("a leaf is canonical")
    subject = shape(name=text_of(SHORT), digest=shape(sha256=text_of(HEX64)))
    outer = shape(
        _type=lambda value: value == "https://in-toto.io/Statement/v1",
        predicateType=lambda value: value == "https://warder.invalid/receipt/v1",
        subject=lambda value: every(subject)(value) and len(value) == 1,
        predicate=shape(**REQUIRED),
    )
    if not outer(statement):
        malformed("a member of the leaf")
    for name, test in OPTIONAL.items():
        predicate = statement["predicate"]
        if name in predicate and not test(predicate[name]):
            malformed(f"`{name}` of the leaf")
    return statement


# Receipts, disclosures, envelopes.


def verify_receipt(text, keys):
    head, split, checkpoint = text.partition("\n\n")
    if split == "":
        malformed("no checkpoint after a blank line")
    lines = head.split("\n")
    if lines.pop(0) != "c2sp.org/tlog-proof@v1":
        malformed("another first line")
    if not lines or not lines[0].startswith("extra "):
        malformed("no leaf")
    leaf = from_base64(lines.pop(0)[6:])
    if not lines or not lines[0].startswith("index "):
        malformed("no index")
    index = decimal(lines.pop(0)[6:])
    hashes = [from_base64(line) for line in lines]
    if len(hashes) > 63 or any(len(hash_) != 32 for hash_ in hashes):
        malformed("a hash")
    origin, size, root = verify_checkpoint(checkpoint, keys)
    verify_inclusion(index, size, leaf_hash(leaf), root, hashes)
    return {
        "origin": origin,
        "size": size,
        "index": index,
        "leafHash": leaf_hash(leaf).hex(),
        "statement": parse_leaf(leaf),
    }


def commitments_of(predicate):
    named = dict(predicate.get("commitments", {}))
    if "decision" in predicate:
        named["policy"] = predicate["decision"]["policy"]
    for at, effect in enumerate(predicate.get("effects", [])):
        named[f"effects/{at}"] = effect["target"]
    return named


def verify_opening(commitment, salt, value):
    if sha256(bytes.fromhex(salt), canonical(value).encode()).hex() != commitment:
        failed("the value is not the one committed to")


def is_salt(value):
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{32}", value) is not None


def verify_disclosure(text, keys):
    file = parse_json(text)
    if not isinstance(file, dict) or set(file) != {"_type", "proof", "openings"}:
        malformed("the members of a disclosure")
    if file["_type"] != "https://warder.invalid/disclosure/v1":
        malformed("another type")
    if not isinstance(file["proof"], str) or not isinstance(file["openings"], dict):
        malformed("the members of a disclosure")
    for opening in file["openings"].values():
        if not isinstance(opening, dict) or not is_salt(opening.get("salt")):
            malformed("an opening")
        if set(opening) == {"salt", "bytes"}:
            if not is_count(opening["bytes"]):
                malformed("an opening")
        elif set(opening) != {"salt", "value"}:
            malformed("an opening")
    receipt = verify_receipt(file["proof"], keys)
    commitments = commitments_of(receipt["statement"]["predicate"])
    disclosed, unopened = [], []
    for name, opening in file["openings"].items():
        if name not in commitments:
            failed("the receipt does not commit to it")
        if "value" not in opening:
            unopened.append(name)
            continue
        verify_opening(commitments[name], opening["salt"], opening["value"])
        disclosed.append(name)
    sealed = [name for name in commitments if name not in file["openings"]]
    return {"receipt": receipt, "disclosed": disclosed, "unopened": unopened, "sealed": sealed}


STATEMENT = "application/vnd.in-toto+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def verify_envelope(text, keys):
    envelope, hint = parse_json(text), None
    if isinstance(envelope, dict) and "mediaType" in envelope:
        bundle = envelope
        if bundle["mediaType"] != BUNDLE:
            malformed("another media type")
        if not set(bundle) <= {"mediaType", "verificationMaterial", "dsseEnvelope"}:
            malformed("a member of the bundle")
        envelope = bundle.get("dsseEnvelope")
        try:
            hint = bundle["verificationMaterial"]["publicKey"]["hint"]
        except (KeyError, TypeError):
            malformed("the bundle names no public key")
    if not isinstance(envelope, dict) or set(envelope) != {"payloadType", "payload", "signatures"}:
        malformed("the members of an envelope")
    if envelope["payloadType"] != STATEMENT:
        malformed("another payload type")
    signatures = envelope["signatures"]
    if not isinstance(signatures, list) or len(signatures) != 1:
        malformed("not one signature")
    payload, signature = from_base64(envelope["payload"]), from_base64(signatures[0]["sig"])
    named = [
        key for key in keys if "dsse" in key.roles and (hint is None or hint == key.kid)
    ]
    if not named:
        distrust("the key that signed is not among those given")
    message = f"DSSEv1 {len(STATEMENT)} {STATEMENT} {len(payload)} ".encode() + payload
    if not any(key.holds(message, signature) for key in named):
        failed("the signature does not hold")
    return parse_leaf(payload)


# Whole logs.


def tile_path(number):
    digits = str(number)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join(["x" + part for part in parts[:-1]] + parts[-1:])


def read_tile(directory, path, width):
    for name in ([f"{path}.p/{width}"] if width < 256 else []) + [path]:
        try:
            with open(os.path.join(directory, "tile", name), "rb") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            continue
    failed(f"the log lacks {path}")


def check_start(origin, predicate):
    """A log that took the place of another begins with a leaf that names it."""
    home, _, epoch = origin.rpartition("/")
    detail = predicate.get("detail", {})
    before = detail.get("before", {})
    named = before.get("origin", "")
    earlier = named == home or (
        named.rpartition("/")[0] == home and 1 < int(named.rpartition("/")[2]) < int(epoch)
    )
    if predicate["type"] != "log" or detail.get("epoch") != int(epoch) or not earlier:
        failed("the log does not begin as it must")


def verify_log(directory, keys):
    with open(os.path.join(directory, "checkpoint"), encoding="utf-8", newline="") as file:
        origin, size, root = verify_checkpoint(file.read(), keys)
    hashes, ids = [], set()
    for index in range(-(-size // 256)):
        width = min(256, size - index * 256)
        data, at = read_tile(directory, f"entries/{tile_path(index)}", width), 0
        for _ in range(width):
            length = int.from_bytes(data[at : at + 2], "big")
            leaf = data[at + 2 : at + 2 + length]
            if len(leaf) != length:
                malformed("an entry bundle is cut short")
            id_ = parse_leaf(leaf)["predicate"]["id"]
            if id_ in ids:
                failed("one id twice")
            if not ids and re.search(r"/([2-9]|[1-9][0-9]{1,8})$", origin):
                check_start(origin, parse_leaf(leaf)["predicate"])
            ids.add(id_)
            hashes.append(leaf_hash(leaf))
            at += 2 + length
    if tree_root(hashes) != root:
        failed("the leaves do not make the signed root")
    level, row = 0, hashes
    while row:
        for index in range(-(-len(row) // 256)):
            part = row[index * 256 : index * 256 + 256]
            tile = read_tile(directory, f"{level}/{tile_path(index)}", len(part))
            if tile[: 32 * len(part)] != b"".join(part):
                failed("a tile does not belong to the leaves")
        full = len(row) // 256
        row = [tree_root(row[at * 256 : at * 256 + 256]) for at in range(full)]
        level += 1
    return {"origin": origin, "size": size, "root": root.hex()}


# Vectors.


class Tally:
    def __init__(self):
        self.passed, self.failed = 0, 0

    def check(self, name, expected, work):
        try:
            found = work()
        except Refused as refusal:
            found = refusal.code
        if found == expected:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {name}: {found!r} instead of {expected!r}")


def run_vectors(directory):
    def read(name):
        with open(os.path.join(directory, name), encoding="utf-8") as file:
            return json.load(file)

    tally = Tally()
    keys_file = read("keys.json")
    keys = load_keys(keys_file["jwks"])
    dsse = load_keys(keys_file["jwks"], ["dsse"])
    for key, jwk in zip(keys, keys_file["jwks"]["keys"]):
        tally.check("keys: thumbprint", jwk["kid"], lambda key=key: key.kid)
    for key, name in zip(keys, ("logKey", "signingKey")):
        expected = keys_file[name]["noteKeyId"]
        tally.check(f"keys: id of {name}", expected, lambda key=key: key.note_id(keys_file["origin"]).hex())

    leaves = read("leaf.json")
    for case in leaves["built"]:
        leaf = case["leaf"].encode()
        name = f"leaf: {case['name']}"
        tally.check(name, case["leafHash"], lambda leaf=leaf: parse_leaf(leaf) and leaf_hash(leaf).hex())
        predicate = parse_leaf(leaf)["predicate"]
        commitments = commitments_of(predicate)
        kept = dict(case["openings"]["fields"])
        for at, opening in enumerate(case["openings"]["effects"]):
            kept[f"effects/{at}"] = opening
        tally.check(f"{name}: names", sorted(kept), lambda c=commitments: sorted(c))
        for field, opening in kept.items():
            if "value" in opening:
                tally.check(
                    f"{name}: {field}",
                    None,
                    lambda f=field, o=opening, c=commitments: verify_opening(c[f], o["salt"], o["value"]),
                )
    for case in leaves["refused"]:
        tally.check(f"leaf: {case['name']}", case["expect"], lambda c=case: parse_leaf(c["leaf"].encode()))

    tree = read("tree.json")
    many = [leaf_hash(f"leaf {at}".encode()) for at in range(600)]
    roots = {size: tree_root(many[:size]) for size in range(601)}
    for case in tree["roots"]:
        size, root = case["size"], case["root"]
        tally.check(f"root of {size}", root, lambda s=size: base64.b64encode(roots[s]).decode())
    for case in tree["inclusion"]:
        index, size = case["index"], case["size"]
        proof = [from_base64(text) for text in case["proof"]]
        tally.check(
            f"inclusion of {index} in {size}",
            None,
            lambda i=index, s=size, p=proof: verify_inclusion(i, s, many[i], roots[s], p),
        )
    for case in tree["consistency"]:
        earlier, size = case["from"], case["to"]
        proof = [from_base64(text) for text in case["proof"]]
        tally.check(
            f"consistency of {earlier} and {size}",
            None,
            lambda e=earlier, s=size, p=proof: verify_consistency(e, roots[e], s, roots[s], p),
        )

    for name, trusted in (("checkpoint", keys), ("rotation", None)):
        file = read(f"{name}.json")
        trusted = load_keys(file["jwks"]) if trusted is None else trusted
        for case in file["good"]:
            tally.check(f"{name}: {case['name']}", case["size"], lambda c=case, t=trusted: verify_checkpoint(c["note"], t)[1])
        for case in file["refused"]:
            tally.check(f"{name}: {case['name']}", case["expect"], lambda c=case, t=trusted: verify_checkpoint(c["note"], t))

    proofs = read("proof.json")
    for case in proofs["good"]:
        tally.check(f"proof: {case['name']}", case["leafHash"], lambda c=case: verify_receipt(c["proof"], keys)["leafHash"])
    for case in proofs["refused"]:
        tally.check(f"proof: {case['name']}", case["expect"], lambda c=case: verify_receipt(c["proof"], keys))

    disclosures = read("disclosure.json")
    for case in disclosures["good"]:
        expected = [sorted(case["disclosed"]), sorted(case.get("unopened", [])), sorted(case["sealed"])]

        def names(case=case):
            found = verify_disclosure(case["disclosure"], keys)
            return [sorted(found[part]) for part in ("disclosed", "unopened", "sealed")]

        tally.check(f"disclosure: {case['name']}", expected, names)
    for case in disclosures["refused"]:
        tally.check(f"disclosure: {case['name']}", case["expect"], lambda c=case: verify_disclosure(c["disclosure"], keys))

    envelopes = read("envelope.json")
    for case in envelopes["good"]:
        tally.check(f"envelope: {case['name']}", True, lambda c=case: bool(verify_envelope(c["envelope"], dsse)))
    for case in envelopes["refused"]:
        tally.check(f"envelope: {case['name']}", case["expect"], lambda c=case: verify_envelope(c["envelope"], dsse))

    print(f"{tally.passed} passed, {tally.failed} failed")
    return 0 if tally.failed == 0 else 1


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "vectors":
        return run_vectors(arguments[1])
    works = {"proof": verify_receipt, "disclosure": verify_disclosure, "envelope": verify_envelope}
    if len(arguments) != 3 or arguments[0] not in (*works, "log"):
        print(__doc__, file=sys.stderr)
        return 2
    kind, path, jwks = arguments
    with open(jwks, encoding="utf-8") as file:
        keys = load_keys(parse_json(file.read()), ["dsse" if kind == "envelope" else "checkpoint"])
    try:
        if kind == "log":
            result = verify_log(path, keys)
        else:
            with open(path, encoding="utf-8", newline="") as file:
                result = works[kind](file.read(), keys)
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 6 if refusal.code != "malformed" else 2
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

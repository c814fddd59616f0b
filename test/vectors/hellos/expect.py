#!/usr/bin/env python3
"""Writes expected.json from tshark's reading of captured/*.bin, with a JA4 of its own made from tshark's fields.

An independent second reading: nothing of Sluice takes part. usage: python3 test/vectors/hellos/expect.py
"""

import hashlib
import json
import pathlib
import subprocess
import tempfile

HERE = pathlib.Path(__file__).parent
VERSION_NAMES = {0x0304: "1.3", 0x0303: "1.2", 0x0302: "1.1", 0x0301: "1.0", 0x0300: "ssl3"}
JA4_VERSIONS = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3"}
GREASE = {int(f"{digit}a{digit}a", 16) for digit in "0123456789abcdef"}
POST_QUANTUM = {0x11EB, 0x11EC, 0x11ED, 0x6399, 0x639A, 0x0200, 0x0201, 0x0202}


def dissect(flight):
    """tshark's tls layers of a connection whose client sends `flight`."""
    with tempfile.TemporaryDirectory() as folder:
        dump, pcap = pathlib.Path(folder, "dump"), pathlib.Path(folder, "pcap")
        dump.write_text("000000 " + " ".join(f"{byte:02x}" for byte in flight) + "\n")
        subprocess.run(["text2pcap", "-q", "-T", "40000,443", dump, pcap], check=True, capture_output=True)
        command = ["tshark", "-r", pcap, "-T", "json", "--no-duplicate-keys"]
        packets = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return as_list(packets[0]["_source"]["layers"]["tls"])


def as_list(value):
    return value if isinstance(value, list) else [value]


def find_all(tree, key):
    """Every value of `key` anywhere in `tree`, in order."""
    found = []
    if isinstance(tree, list):
        for item in tree:
            found += find_all(item, key)
    elif isinstance(tree, dict):
        for name, value in tree.items():
            found += as_list(value) if name == key and not isinstance(value, dict) else find_all(value, key)
    return found


def numbers(tree, key):
    return [int(text, 0) for text in find_all(tree, key)]


def extension(handshake, name):
    for key, value in handshake.items():
        if key.startswith(f"Extension: {name} (len"):
            return value
    return {}


def read(flight):
    layers = dissect(flight)
    records = [
        record
        for layer in layers
        for record in as_list(layer.get("tls.record", []))
        if record.get("tls.record.content_type") == "22"
    ]
    handshake = next(
        found
        for layer in layers
        for record in [layer, *as_list(layer.get("tls.record", []))]
        for found in as_list(record.get("tls.handshake", []))
        if isinstance(found, dict) and found.get("tls.handshake.type") == "1"
    )
    ciphers = numbers(handshake, "tls.handshake.ciphersuite")
    extensions = numbers(handshake, "tls.handshake.extension.type")
    versions = numbers(extension(handshake, "supported_versions"), "tls.handshake.extensions.supported_version")
    signatures = numbers(extension(handshake, "signature_algorithms"), "tls.handshake.sig_hash_alg")
    groups = numbers(extension(handshake, "supported_groups"), "tls.handshake.extensions_supported_group")
    shares = numbers(extension(handshake, "key_share"), "tls.handshake.extensions_key_share_group")
    alpn = find_all(extension(handshake, "application_layer_protocol_negotiation"), "tls.handshake.extensions_alpn_str")
    names = find_all(handshake, "tls.handshake.extensions_server_name")
    legacy = int(handshake["tls.handshake.version"], 0)
    highest = max([version for version in versions if version not in GREASE] or [legacy])
    return {
        "wireBytes": sum(int(record["tls.record.length"]) + 5 for record in records),
        "messageBytes": int(handshake["tls.handshake.length"]) + 4,
        "recordCount": len(records),
        "legacyVersion": legacy,
        "tlsVersion": VERSION_NAMES[highest],
        "serverName": names[0] if names else None,
        "alpn": alpn,
        "cipherSuites": hexes(ciphers),
        "extensionTypes": hexes(extensions),
        "signatureAlgorithms": hexes(signatures),
        "supportedVersions": hexes(versions),
        "features": {
            "ech": 0xFE0D in extensions,
            "postQuantum": bool(POST_QUANTUM & {*groups, *shares}),
            "grease": bool(GREASE & {*ciphers, *extensions, *versions, *signatures, *groups, *shares}),
            "tls13": 0x0304 in versions,
            "noSni": not names,
            "multiRecord": len(records) > 1,
        },
        "ja4": ja4(highest, ciphers, extensions, alpn, signatures),
    }


def ja4(version, ciphers, extensions, alpn, signatures):
    ciphers = sorted(cipher for cipher in ciphers if cipher not in GREASE)
    extensions = [kind for kind in extensions if kind not in GREASE]
    first = alpn[0] if alpn else ""
    ends = first[0] + first[-1] if first else "00"
    if not (ends.isascii() and ends.isalnum()):
        ends = first.encode().hex()[0] + first.encode().hex()[-1]
    kept = hexes(sorted(kind for kind in extensions if kind not in (0, 16)))
    signed = hexes([algorithm for algorithm in signatures if algorithm not in GREASE])
    head = f"t{JA4_VERSIONS[version]}{'d' if 0 in extensions else 'i'}{len(ciphers):02}{len(extensions):02}{ends}"
    return f"{head}_{hash12(hexes(ciphers))}_{hash12(kept + ('_' + signed if signed else ''))}"


def hash12(text):
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12


def hexes(values):
    return ",".join(f"{value:04x}" for value in values)


expected = {path.stem: read(path.read_bytes()) for path in sorted((HERE / "captured").glob("*.bin"))}
(HERE / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")
print(f"{len(expected)} hellos read")

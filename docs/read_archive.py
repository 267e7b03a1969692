#!/usr/bin/env python3
"""Reads an archive of agent_test_history without any code of ours, and compares it with its manifest.

    pip install fastavro
    python3 docs/read_archive.py FOLDER [ID]

FOLDER is the archive's folder, or a copy of its bucket and prefix (aws s3 sync). ID is the archive's id; without it, the
folder must hold one archive. Prints one JSON object with the counts and hashes that it came to. Exit code 0: all objects
are as the manifest says; 1: something differs, and is named; 2: the archive cannot be read. The format is described in
operations/archive/manifest.ts. Memory does not grow with the archive.
"""
import hashlib
import json
import pathlib
import sys

import fastavro

LEDGER_FIELDS = ("history_cdc_decision", "history_cdc_reason", "history_cdc_canonical_run_id")


def text_of(value):
    """The text of a value, as Postgres writes it, in UTF-8; None is NULL."""
    if value is None:
        return None
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return str(value).encode("utf-8")


def row_hash(values):
    """SHA-256 of the lengths of all values, a colon, and the values."""
    lengths = ",".join("-1" if value is None else str(len(value)) for value in values)
    return hashlib.sha256(lengths.encode() + b":" + b"".join(value for value in values if value is not None)).digest()


def sha256_of(path):
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def read_object(path, manifest):
    """What an object holds: the same facts that the manifest has of it."""
    fields = [column["field"] for column in manifest["table"]["columns"]]
    id_field = next(column["field"] for column in manifest["table"]["columns"] if column["name"] == "id")
    content, decided, decisions, rows = hashlib.sha256(), hashlib.sha256(), {}, 0
    with path.open("rb") as file:
        reader = fastavro.reader(file)
        if json.loads(reader.metadata["avro.schema"]) != manifest["schema"]:
            raise ValueError("its schema is not the manifest's")
        for row in reader:
            content.update(row_hash([text_of(row[field]) for field in fields]))
            words = [text_of(row[field]) for field in LEDGER_FIELDS]
            decided.update(row_hash([text_of(row[id_field]), *words]))
            name = row[LEDGER_FIELDS[0]] or "undecided"
            decisions[name] = decisions.get(name, 0) + 1
            rows += 1
    return {
        "rows": rows,
        "contentSha256": content.hexdigest(),
        "decisionsSha256": decided.hexdigest(),
        "decisions": decisions,
        "bytes": path.stat().st_size,
        "sha256": sha256_of(path),
    }


def totals(objects):
    """What the manifest says of the whole, made from its objects."""

    def lines(of):
        text = "".join(f"{one['month']} {one['rows']} {one[of]}\n" for one in objects)
        return hashlib.sha256(text.encode()).hexdigest()

    decisions = {}
    for one in objects:
        for name, rows in one["decisions"].items():
            decisions[name] = decisions.get(name, 0) + rows
    return {
        "rows": sum(one["rows"] for one in objects),
        "contentSha256": lines("contentSha256"),
        "decisionsSha256": lines("decisionsSha256"),
        "decisions": decisions,
    }


def read_manifest(folder, archive):
    names = sorted((folder / "manifests").glob(f"{archive}.json" if archive else "*.json"))
    if len(names) != 1:
        raise ValueError(f"the folder has {len(names)} manifests of that name: give the id of one archive")
    return json.loads(names[0].read_text("utf-8"))


def main(folder, archive=None):
    folder = pathlib.Path(folder)
    try:
        manifest = read_manifest(folder, archive)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    found, differences = [], []
    for expected in manifest["objects"]:
        try:
            actual = read_object(folder / expected["name"], manifest)
        except Exception as error:  # a torn object can fail anywhere in the decoder
            differences.append(f"{expected['name']}: {error}")
            continue
        differences += [f"{expected['name']}: {what}" for what in actual if actual[what] != expected[what]]
        found.append({"month": expected["month"], **actual})
    whole = totals(found)
    differences += [f"manifest: {what}" for what in whole if whole[what] != manifest[what]]
    print(json.dumps({"id": manifest["id"], **whole, "objects": len(found), "differences": differences}, indent=2))
    return 1 if differences else 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    sys.exit(main(*sys.argv[1:]))

"""A small cache in the layout of scikit-learn, and a machine without a network."""

import gzip
import hashlib
import json
import socket

import pytest


class Cache:
    """Writes data sets the way that ``fetch_openml`` caches them."""

    def __init__(self, home):
        self.home = home
        self.root = home / "openml" / "openml.org"

    def write(self, path, content):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        path.write_bytes(gzip.compress(content, mtime=0))
        return path

    def add(self, data_id, columns, rows, target, *, fmt="ARFF", **said):
        """Add a table; columns are (name, kind or list of nominal values, flags)."""
        arff, features = ["% a comment", f"@RELATION table{data_id}"], []
        for index, (name, kind, *flags) in enumerate(columns):
            nominal = isinstance(kind, list)
            values = "{" + ",".join(kind) + "}" if nominal else kind.upper()
            arff.append(f"@ATTRIBUTE '{name}' {values}")
            missing = 0
            if fmt == "ARFF":
                missing = sum(row.split(",")[index].strip() == "?" for row in rows)
            features.append(
                {
                    "index": str(index),
                    "name": name,
                    "data_type": "nominal" if nominal else kind,
                    "is_target": str(name == target).lower(),
                    "is_ignore": str("ignore" in flags).lower(),
                    "is_row_identifier": str("id" in flags).lower(),
                    "number_of_missing_values": str(missing),
                    **({"nominal_value": kind} if nominal else {}),
                }
            )
        text = "\n".join([*arff, "@DATA", *rows, ""]).encode()
        description = {
            "id": str(data_id),
            "name": f"table{data_id}",
            "version": "1",
            "format": fmt,
            "licence": "Public",
            "url": f"https://www.openml.org/data/v1/download/{data_id}/t.arff",
            "file_id": str(data_id),
            "status": "active",
            "md5_checksum": hashlib.md5(text).hexdigest(),
            **({} if target is None else {"default_target_attribute": target}),
            **said,
        }
        api = "api/v1/json/data"
        self.write(f"{api}/{data_id}.gz", {"data_set_description": description})
        self.write(
            f"{api}/features/{data_id}.gz", {"data_features": {"feature": features}}
        )
        quality = [{"name": "NumberOfInstances", "value": str(float(len(rows)))}]
        self.write(
            f"{api}/qualities/{data_id}.gz", {"data_qualities": {"quality": quality}}
        )
        return self.write(f"data/v1/download/{data_id}/t.arff.gz", text)

    def replace(self, data_id, path, text):
        """Put other rows in place, and their checksum."""
        path.write_bytes(gzip.compress(text, mtime=0))
        said = self.root / f"api/v1/json/data/{data_id}.gz"
        content = json.loads(gzip.decompress(said.read_bytes()))
        content["data_set_description"]["md5_checksum"] = hashlib.md5(text).hexdigest()
        said.write_bytes(gzip.compress(json.dumps(content).encode(), mtime=0))

    def parse(self, data_id):
        """Return all columns as they are read."""
        from skext.datasets import _openml_cache

        return _openml_cache.parse_frame(_openml_cache.find_table(data_id, self.home))

    def checksums(self):
        return {
            str(path.relative_to(self.root)): hashlib.sha256(
                path.read_bytes()
            ).hexdigest()
            for path in self.root.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def no_network(monkeypatch):
    """Any attempt to connect fails the test."""

    def refuse(*args, **kwargs):
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "home")


@pytest.fixture
def credit(cache):
    """Two classes coded 1 and 2, a nominal column of 0 and 1, numbers, gaps."""
    kinds = ["'a b'", "c", "?"]
    rows = [
        f"{i},{i % 2},{kinds[i % 3]},{i / 4 if i % 5 else '?'},{1 + (i % 4 == 0)}"
        for i in range(40)
    ]
    columns = [
        ("row", "numeric", "id"),
        ("flag", ["0", "1"]),
        ("kind of thing", ["'a b'", "c", "never"]),
        ("amount", "real"),
        ("class", ["2", "1"]),
    ]
    cache.add(7, columns, rows, "class")
    return cache

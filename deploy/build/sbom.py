"""sbom.py OUT HOST: what the programs are made of, read from Cargo.lock through `cargo metadata`.

Writes OUT/caphub.cdx.json (CycloneDX 1.5) and, for each program, OUT/PROGRAM.dep-v0: the list that build.sh puts into the
program in the format of cargo-auditable, which common scanners read. The same tree gives the same bytes.
"""

import datetime
import json
import os
import subprocess
import sys
import tomllib
import uuid
import zlib

PROGRAMS = {"caphub": "caphub-cli", "caphub-node": "caphub-node"}
REGISTRY = "registry+"


def metadata(host):
    words = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", host]
    return json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)


def reached(nodes, root):
    """Packages that a program is made of: those in it, and those that only helped to build it."""
    kinds, open_ = {root: "runtime"}, [root]
    while open_:
        here = open_.pop()
        for dep in nodes[here]["deps"]:
            asked = {k["kind"] for k in dep["dep_kinds"]} - {"dev"}
            if not asked:
                continue
            kind = "runtime" if kinds[here] == "runtime" and None in asked else "build"
            if kinds.get(dep["pkg"]) in (kind, "runtime"):
                continue
            kinds[dep["pkg"]] = kind
            open_.append(dep["pkg"])
    return kinds


def edges(nodes, kinds, package):
    real = lambda dep: any(k["kind"] != "dev" for k in dep["dep_kinds"])
    return sorted({d["pkg"] for d in nodes[package]["deps"] if d["pkg"] in kinds and real(d)})


def embedded(packages, nodes, root):
    """The list in the format of cargo-auditable, packed."""
    kinds = reached(nodes, root)
    order = sorted(kinds, key=lambda p: (packages[p]["name"], packages[p]["version"], p))
    place = {package: at for at, package in enumerate(order)}
    listed = []
    for package in order:
        about = packages[package]
        source = "crates.io" if (about["source"] or "").startswith(REGISTRY) else "local"
        item = {"name": about["name"], "version": about["version"], "source": source}
        if kinds[package] == "build":
            item["kind"] = "build"
        needs = [place[d] for d in edges(nodes, kinds, package)]
        if needs:
            item["dependencies"] = sorted(needs)
        if package == root:
            item["root"] = True
        listed.append(item)
    return zlib.compress(json.dumps({"packages": listed}, separators=(",", ":")).encode(), 9)


def bill(packages, nodes, roots, checksums):
    """One CycloneDX document for both programs."""
    kinds = {}
    for root in roots:
        for package, kind in reached(nodes, root).items():
            kinds[package] = "runtime" if "runtime" in (kind, kinds.get(package)) else kind
    ref = lambda p: f'pkg:cargo/{packages[p]["name"]}@{packages[p]["version"]}'
    components = []
    for package in sorted(kinds, key=ref):
        about = packages[package]
        item = {"type": "library", "bom-ref": ref(package), "name": about["name"], "version": about["version"]}
        item["scope"] = "required" if kinds[package] == "runtime" else "excluded"
        checksum = checksums.get((about["name"], about["version"]))
        if checksum:
            item["hashes"] = [{"alg": "SHA-256", "content": checksum}]
        if about["license"]:
            item["licenses"] = [{"expression": about["license"].replace("/", " OR ")}]
        item["purl"] = ref(package)
        components.append(item)
    version = packages[roots[0]]["version"]
    needs = [{"ref": f"caphub@{version}", "dependsOn": sorted(map(ref, roots))}]
    needs += [{"ref": ref(p), "dependsOn": sorted(map(ref, edges(nodes, kinds, p)))} for p in sorted(kinds, key=ref)]
    time = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), datetime.timezone.utc)
    subject = {"type": "application", "bom-ref": f"caphub@{version}", "name": "caphub", "version": version}
    subject["licenses"] = [{"expression": "Apache-2.0"}]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ"), "component": subject},
        "components": components,
        "dependencies": needs,
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(document, sort_keys=True))
    return {**document, "serialNumber": f"urn:uuid:{serial}"}


def main():
    out, host = sys.argv[1:]
    all_ = metadata(host)
    packages = {p["id"]: p for p in all_["packages"]}
    nodes = {n["id"]: n for n in all_["resolve"]["nodes"]}
    of = {packages[m]["name"]: m for m in all_["workspace_members"]}
    with open("Cargo.lock", "rb") as file:
        locked = tomllib.load(file)["package"]
    checksums = {(p["name"], p["version"]): p["checksum"] for p in locked if "checksum" in p}
    for program, package in PROGRAMS.items():
        with open(f"{out}/{program}.dep-v0", "wb") as file:
            file.write(embedded(packages, nodes, of[package]))
    roots = [of[package] for package in PROGRAMS.values()]
    with open(f"{out}/caphub.cdx.json", "w", encoding="utf-8") as file:
        json.dump(bill(packages, nodes, roots, checksums), file, indent=1, ensure_ascii=False)
        file.write("\n")


main()

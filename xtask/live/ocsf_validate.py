"""Validates JSON lines against the published OCSF schema: every attribute known, of its type, in its enum; every
required one there; `type_uid` and the captions beside the ids as OCSF derives them.

    python3 ocsf_validate.py audit-000000000001.jsonl

Exits with 1 and names line and field of everything that is wrong; with 0 if nothing is.

Requirements (the first carries the schemas as published at schema.ocsf.io, up to 1.8.0):

    ocsf-json-schema==1.2.0
    jsonschema==4.26.0
"""

import json
import sys

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

# Each id, and the attribute that holds its caption.
CAPTIONS = {
    "activity_id": "activity_name",
    "category_uid": "category_name",
    "class_uid": "class_name",
    "severity_id": "severity",
    "status_id": "status",
    "action_id": "action",
    "disposition_id": "disposition",
}
OTHER = 99


class Ocsf:
    """The schemas, each made once."""

    def __init__(self):
        self.published = {}
        self.validators = {}

    def errors(self, event):
        """Everything that is wrong with an event, as (field, what)."""
        version = event.get("metadata", {}).get("version")
        if version not in self.published:
            try:
                schema = get_ocsf_schema(version)
            except (ValueError, TypeError, FileNotFoundError) as error:
                return [("metadata.version", str(error))]
            self.published[version] = (schema, OcsfJsonSchemaEmbedded(schema))
        schema, generator = self.published[version]
        try:
            name = generator.lookup_class_name_from_uid(event.get("class_uid"))
        except ValueError as error:
            return [("class_uid", str(error))]
        profiles = tuple(event["metadata"].get("profiles", []))
        known = schema["classes"][name].get("profiles", [])
        errors = [("metadata.profiles", f"`{it}` is not a profile of {name}") for it in profiles if it not in known]
        key = (version, name, profiles)
        if key not in self.validators:
            self.validators[key] = Draft202012Validator(generator.get_class_schema(name, list(profiles)))
        for error in self.validators[key].iter_errors(event):
            field = ".".join(str(part) for part in error.absolute_path) or "event"
            errors.append((field, error.message))
        return errors + list(derived(event, schema["classes"][name]["attributes"]))


def derived(event, attributes):
    """What follows from other attributes, and no JSON Schema says."""
    type_uid = event.get("class_uid", 0) * 100 + event.get("activity_id", 0)
    if event.get("type_uid") != type_uid:
        yield "type_uid", f"{event.get('type_uid')} is not {type_uid}, class_uid * 100 + activity_id"
    for id_name, caption_name in CAPTIONS.items():
        if id_name not in event:
            continue
        caption = attributes[id_name].get("enum", {}).get(str(event[id_name]), {}).get("caption")
        found = event.get(caption_name)
        if event[id_name] == OTHER:
            if not found:
                yield caption_name, f"is required where {id_name} is {OTHER}"
        elif found is not None and found != caption:
            yield caption_name, f"`{found}` is not `{caption}`, the caption of {id_name} {event[id_name]}"


def main(path):
    ocsf = Ocsf()
    wrong = lines = 0
    with open(path, encoding="utf-8") as file:
        for lines, line in enumerate(file, start=1):
            try:
                errors = list(ocsf.errors(json.loads(line)))
            except ValueError as error:
                errors = [("line", f"is not JSON: {error}")]
            for field, what in errors:
                print(f"{path}:{lines}: {field}: {what}")
            wrong += bool(errors)
    if not lines:
        print(f"{path}: has no lines")
        return 1
    print(f"{path}: {lines} lines, {wrong} of them wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: ocsf_validate.py FILE")
    sys.exit(main(sys.argv[1]))

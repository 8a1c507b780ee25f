#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Does with a configuration what Home Assistant's rest integration does, once: home_assistant.py COMMAND <CONFIGURATION

COMMAND is read, on or off. The configuration is YAML whose !secret NAME is in secrets.yaml's place, the first document.
Prints the entities as JSON: {NAME: {"available", "state", "attributes"}}, of a switch after it was told on or off."""
import json
import sys
import urllib.error
import urllib.request

import yaml
from jinja2.sandbox import ImmutableSandboxedEnvironment

command = sys.argv[1]
secrets_text, text = sys.stdin.read().split("\n---\n", 1)
secrets = yaml.safe_load(secrets_text)


class Loader(yaml.SafeLoader):
    pass


Loader.add_constructor("!secret", lambda loader, node: secrets[node.value])
config = yaml.load(text, Loader)
jinja = ImmutableSandboxedEnvironment()


def render(template, body):
    """As a value template: of the text, and of the JSON in it."""
    return jinja.from_string(template).render(value=body, value_json=json.loads(body)).strip()


def ask(url, headers, method="GET", data=None):
    request = urllib.request.Request(url, headers=headers, method=method, data=data and data.encode())
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def entity(sensor, body):
    available = "availability" not in sensor or render(sensor["availability"], body) == "True"
    whole = json.loads(body)
    return {
        "available": available,
        "state": render(sensor["value_template"], body),  # also where it is not available: it must not fail
        "attributes": {name: whole[name] for name in sensor.get("json_attributes", [])},
    }


entities = {}
for rest in config.get("rest", []):
    status, body = ask(rest["resource"], rest["headers"])
    assert status == 200, f"{rest['resource']}: {status} {body}"
    for sensor in rest.get("sensor", []) + rest.get("binary_sensor", []):
        entities[sensor["name"]] = entity(sensor, body)

for switch in config.get("switch", []):
    if command != "read":
        status, body = ask(switch["resource"], switch["headers"], switch["method"].upper(), jinja.from_string(switch[f"body_{command}"]).render())
        assert status < 400, f"{switch['resource']}: {status} {body}"
    status, body = ask(switch["state_resource"], switch["headers"])
    assert status == 200, f"{switch['state_resource']}: {status} {body}"
    entities[switch["name"]] = {"available": True, "state": render(switch["is_on_template"], body), "attributes": {}}

for automation in config.get("automation", []):
    jinja.globals["state_attr"] = lambda name, attribute: next(
        e["attributes"][attribute] for n, e in entities.items() if "sensor." + n.lower().replace(" ", "_") == name)
    message = automation["action"][0]["data"]["message"]
    entities[automation["alias"]] = {"available": True, "state": jinja.from_string(message).render(), "attributes": {}}

json.dump(entities, sys.stdout)

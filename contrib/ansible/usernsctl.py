#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Ansible module: calls usernsctl(8) and hands on what it says. Put it into a library/ directory beside your playbooks."""

import json

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: usernsctl
short_description: Remaps the user namespace of a container engine, with all its data
description:
  - Calls usernsctl on the host. Everything that it does is one transaction, which takes itself back when it fails.
  - Check mode and diff mode are usernsctl's own dry run.
options:
  state:
    description:
      - C(enabled), C(disabled) - the engine runs with, or without, remapping.
      - C(applied) - the host is as the policy file says.
      - C(present), C(absent) - the owner has, or has not, a range of subordinate IDs.
    choices: [enabled, disabled, applied, present, absent]
    default: enabled
  engine:
    description: The engine, with C(enabled) and C(disabled); C(docker) if left out, or such as C(rootless alice).
    type: str
  policy:
    description: The policy file, on the host, with C(applied); its F(/etc/usernsctl.conf) if left out.
    type: path
  owner:
    description: Whose range it is, with C(present) and C(absent).
    type: str
  user:
    description: The remap user.
    type: str
  range:
    description: C(auto), C(hash) or START[:COUNT]. With C(hash), all hosts of a fleet agree.
    type: str
  migrate:
    description: Which data is taken along.
    choices: [all, volumes, none]
    type: str
  set:
    description: Further options of the engine.
    type: dict
  ignore:
    description: Findings that are accepted, by their ids.
    type: list
    elements: str
  restart:
    description: Whether the engine may be restarted, as it may if this is left out; if not, nothing may need moving.
    type: bool
  stop_containers:
    description: Stop running containers first, and start them again at the end.
    type: bool
  purge:
    description: With C(disabled), remove the remap user and its ranges too.
    type: bool
  pending:
    description: What is done first with a transaction that an earlier run left half-way.
    choices: [fail, resume, rollback]
    default: fail
  root:
    description: Work on the host below this directory (an image) instead of the running one.
    type: path
  executable:
    description: The program.
    type: str
    default: usernsctl
attributes:
  check_mode: {support: full}
  diff_mode: {support: full}
"""

EXAMPLES = r"""
- usernsctl:
    range: hash
    set: {icc: "false"}
- usernsctl:
    state: applied
    pending: resume
- usernsctl:
    state: present
    owner: alice
"""

RETURN = r"""
findings: {description: What usernsctl has to say about the host., returned: always, type: list}
actions: {description: What was, or would be, done., returned: always, type: list}
transaction: {description: Its number, for rollback., returned: when something was done, type: int}
restart_required: {description: The engine must be restarted for the change to be in effect., returned: always, type: bool}
"""

PENDING = 5  # exit status of usernsctl: a transaction is half-way


def option(name, value):
    if value is None or value is False or value == []:
        return []
    if value is True:
        return [f"--{name}"]
    return [f"--{name}={','.join(value) if isinstance(value, list) else value}"]


class Failed(Exception):
    pass


# What each state can be told, beside pending, root and executable.
SWITCH = ("user", "range", "migrate", "set", "ignore", "restart", "stop_containers")
TAKES = {"enabled": ("engine", *SWITCH), "applied": ("policy", *SWITCH), "disabled": ("engine", "ignore", "stop_containers", "purge"),
         "present": ("owner", "range", "ignore"), "absent": ("owner", "range", "ignore")}


def command(p):
    """The words of the command line, without those for all commands."""
    state = p["state"]
    for name in sorted({name for names in TAKES.values() for name in names} - set(TAKES[state])):
        if p[name] is not None:
            raise Failed(f"state={state} does not take {name}; it takes " + ", ".join(TAKES[state]))
    words = {"enabled": ["enable", *(p["engine"] or "docker").split()], "disabled": ["disable", *(p["engine"] or "docker").split()],
             "applied": ["apply", *([p["policy"]] if p["policy"] else [])], "present": ["range", "add", p["owner"]],
             "absent": ["range", "remove", p["owner"]]}[state]
    for key, value in sorted((p["set"] or {}).items()):
        # Ansible reads true as a bool; dockerd's options want the word.
        words += option("set", f"{key}={str(value).lower() if isinstance(value, bool) else value}")
    for name in ("user", "range", "migrate", "ignore", "stop_containers", "purge"):
        words += option(name.replace("_", "-"), p[name])
    return words + option("no-restart", p["restart"] is False)


def call(module, words):
    """(the exit status, the document)."""
    p = module.params
    how = "--dry-run" if module.check_mode else "--yes"
    line = [p["executable"], "--json", *option("root", p["root"]), *words, how]
    status, out, err = module.run_command(line, environ_update={"LC_ALL": "C"})
    try:
        return status, json.loads(out)
    except ValueError:
        raise Failed(err.strip() or f"{' '.join(line)}: exit status {status}") from None


def reason(status, document):
    said = [(document.get("error") or {}).get("message") or f"exit status {status}"]
    said += [f"{f['id']}: {f['object']}: {f['reason']}" for f in document.get("findings", [])
             if f["severity"] == "error" and not f["ignored"]]
    return "; ".join(said)


def result(documents):
    """What Ansible is told, of one call or two."""
    last = documents[-1]
    return {"changed": any(d.get("changed", False) for d in documents),
            "diff": [{"before_header": e["file"], "after_header": e["file"], "before": e["before"] or "", "after": e["after"] or ""}
                     for d in documents for e in d.get("diff", [])],
            "actions": [a for d in documents for a in d.get("actions", [])],
            "warnings": last.get("warnings", []), "findings": last.get("findings", []), "transaction": last.get("transaction"),
            "restart_required": last.get("restart_required", False)}


def run(module):
    p, documents = module.params, []
    if p["pending"] != "fail":
        status, document = call(module, [p["pending"]] if p["pending"] == "resume" else pending_rollback(module))
        documents.append(document)
        if status not in (0, 10):
            return status, documents
        if module.check_mode and document.get("changed"):
            return status, documents  # what comes behind it cannot be told before it is done
    status, document = call(module, command(p))
    return status, documents + [document]


def pending_rollback(module):
    """rollback alone takes back the last transaction when none is pending."""
    p = module.params
    _, out, err = module.run_command([p["executable"], "--json", *option("root", p["root"]), "status"])
    try:
        return ["rollback"] if json.loads(out)["pending"] else ["resume"]
    except (ValueError, KeyError):
        raise Failed(err.strip() or "status gives no answer") from None


def main():
    module = AnsibleModule(supports_check_mode=True, required_if=[("state", "present", ["owner"]), ("state", "absent", ["owner"])],
                           argument_spec={
        "state": {"choices": ["enabled", "disabled", "applied", "present", "absent"], "default": "enabled"},
        "engine": {"type": "str"}, "policy": {"type": "path"},
        "owner": {"type": "str"}, "user": {"type": "str"}, "range": {"type": "str"},
        "migrate": {"type": "str", "choices": ["all", "volumes", "none"]}, "set": {"type": "dict"},
        "ignore": {"type": "list", "elements": "str"}, "restart": {"type": "bool"},
        "stop_containers": {"type": "bool"}, "purge": {"type": "bool"},
        "pending": {"choices": ["fail", "resume", "rollback"], "default": "fail"}, "root": {"type": "path"},
        "executable": {"type": "str", "default": "usernsctl"}})
    try:
        status, documents = run(module)
    except Failed as e:
        module.fail_json(msg=str(e))
    told = result(documents)
    if status not in (0, 10):
        module.fail_json(msg=reason(status, documents[-1]), status=status, **told)
    module.exit_json(**told)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: role_options
short_description: Convert the options of a role to their types
version_added: 0.1.0
description:
  - Internal to the roles of this collection. It may change without notice.
  - Reads C(meta/argument_specs.yml) of the role that runs this task and converts the role's variables to the types declared there.
    Variables from C(-e NAME=VALUE) are strings.
  - Runs on the control machine and executes nothing on the host. The result can contain secrets, so use C(no_log).
author: fay.rancher authors (@fay-rancher)
extends_documentation_fragment:
  - fay.rancher.reads_only
options:
  entry_point:
    description:
      - Entry point of the role whose options are converted.
    type: str
    default: main
"""

EXAMPLES = r"""
- name: Convert the options to their types
  fay.rancher.role_options:
  register: __docker_ce
  no_log: true

- name: Fail on invalid options
  ansible.builtin.assert:
    that: __docker_ce.problems | length == 0
    fail_msg: "{{ __docker_ce.problems | join('; ') }}"
"""

RETURN = r"""
problems:
  description: Problems of the options, one sentence each. The converted options are further return values, each under its name
    without the prefix of the role.
  returned: success
  type: list
  elements: str
  sample: ["docker_ce_version is the number 20.1; a string is required. Put it in quotes"]
"""

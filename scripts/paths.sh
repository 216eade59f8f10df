# SPDX-License-Identifier: Apache-2.0
# Where an installation lies; sourced, with $prefix and $destination set. All of $owned is made by
# install.sh and taken away by uninstall.sh.
# shellcheck shell=sh disable=SC2034,SC2154

library=$destination$prefix/lib/distributord
documents=$destination$prefix/share/doc/distributord
configuration=$destination/etc/distributord
state=$destination/var/lib/distributord
unit=$destination/usr/lib/systemd/system/distributord.service
users=$destination/usr/lib/sysusers.d/distributord.conf
rules=$destination$prefix/share/distributord/distributord.rules.yml
commands="distributord distributorctl"

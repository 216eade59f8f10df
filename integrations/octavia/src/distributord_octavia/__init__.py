# SPDX-License-Identifier: Apache-2.0
"""Octavia's distributor driver for distributord."""

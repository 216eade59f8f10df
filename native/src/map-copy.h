// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bpf/bpf.h>

#include <functional>
#include <vector>

#include "layout.h"

namespace distributor {

// A map, and how its elements are laid out.
struct LaidOutMap {
  int fd;
  Layout layout;
};

bpf_map_info InfoOf(int map_fd);

// Whether a program that was made for `wanted` can use the map: the same kind, size and layout.
bool IsSame(const bpf_map_info& info, const Layout& layout, const bpf_map_info& wanted,
            const Layout& wanted_layout);

// Whether its fields lie within the map's keys and values.
bool Fits(const Layout& layout, const bpf_map_info& info);

using OnElement = std::function<void(const std::byte* key, const std::byte* value)>;

// Calls with every element as one of `wanted`, which may have other sizes. Elements that come
// or go meanwhile may be left out. Per-CPU values are those of all CPUs, one after the other.
void ForEach(const LaidOutMap& map, const bpf_map_info& wanted, const Layout& wanted_layout,
             const OnElement& on_element);

}  // namespace distributor

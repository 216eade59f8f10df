// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bpf/libbpf.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace distributor {

// A field of a map's key or value, of whatever depth: `source.byte`. Arrays are one field.
struct Field {
  std::string name;
  uint32_t offset, size;
  bool operator==(const Field&) const = default;
};

struct Layout {
  std::vector<Field> key, value;
  bool operator==(const Layout&) const = default;
};

// Of every map, by its name.
using Layouts = std::map<std::string, Layout>;

// Whether the map outlives the program. Libbpf's own, for variables, do not, nor do those whose
// content follows from others: what processors remember, and owners of settled slots.
bool IsKept(const bpf_map* map);

// As the program's own type information has them; before it takes over any map.
Layouts LayoutsOf(const bpf_object& object);

// As text: a line `map key|value field offset size` for each field. What is pinned says by
// it how it is laid out: the kernel tells that of its maps to CAP_SYS_ADMIN alone.
std::string Format(const Layouts& layouts);
Layouts Parse(std::string_view text);

// Copies the fields that both have; the others become 0. A number may change its size.
void Convert(const std::vector<Field>& from, const std::byte* source, const std::vector<Field>& to,
             std::byte* target, size_t target_size);

}  // namespace distributor

// SPDX-License-Identifier: Apache-2.0
#include "layout.h"

#include <bpf/btf.h>

#include <algorithm>
#include <cstring>
#include <sstream>

namespace distributor {

namespace {

// A scalar that is a whole key or value has no name.
constexpr const char* kWhole = ".";

uint32_t Resolve(const btf* types, uint32_t id) {
  const btf_type* type = btf__type_by_id(types, id);
  while (btf_is_mod(type) || btf_is_typedef(type)) {
    id = type->type;
    type = btf__type_by_id(types, id);
  }
  return id;
}

void Flatten(const btf* types, uint32_t id, Field prefix, std::vector<Field>& fields) {
  id = Resolve(types, id);
  const btf_type* type = btf__type_by_id(types, id);
  if (!btf_is_composite(type)) {
    prefix.size = static_cast<uint32_t>(btf__resolve_size(types, id));
    if (prefix.name.empty()) prefix.name = kWhole;
    fields.push_back(prefix);
    return;
  }
  const btf_member* members = btf_members(type);
  for (uint32_t i = 0; i < btf_vlen(type); i++) {
    std::string name = btf__name_by_offset(types, members[i].name_off);
    if (!prefix.name.empty()) name = prefix.name + "." + name;
    uint32_t offset = prefix.offset + btf_member_bit_offset(type, i) / 8;
    Flatten(types, members[i].type, {name, offset, 0}, fields);
  }
}

std::vector<Field> FieldsOf(const btf* types, uint32_t id) {
  std::vector<Field> fields;
  Flatten(types, id, {"", 0, 0}, fields);
  return fields;
}

}  // namespace

bool IsKept(const bpf_map* map) {
  std::string_view name = bpf_map__name(map);
  return !bpf_map__is_internal(map) && name != "memos" && name != "settled";
}

Layouts LayoutsOf(const bpf_object& object) {
  Layouts layouts;
  const btf* types = bpf_object__btf(&object);
  bpf_map* map;
  bpf_object__for_each_map(map, &object) {
    if (!IsKept(map)) continue;
    layouts[bpf_map__name(map)] = {.key = FieldsOf(types, bpf_map__btf_key_type_id(map)),
                                   .value = FieldsOf(types, bpf_map__btf_value_type_id(map))};
  }
  return layouts;
}

std::string Format(const Layouts& layouts) {
  std::ostringstream text;
  for (const auto& [map, layout] : layouts) {
    for (const Field& field : layout.key)
      text << map << " key " << field.name << ' ' << field.offset << ' ' << field.size << '\n';
    for (const Field& field : layout.value)
      text << map << " value " << field.name << ' ' << field.offset << ' ' << field.size << '\n';
  }
  return text.str();
}

Layouts Parse(std::string_view text) {
  Layouts layouts;
  std::istringstream lines{std::string(text)};
  std::string map, part;
  Field field;
  while (lines >> map >> part >> field.name >> field.offset >> field.size)
    (part == "key" ? layouts[map].key : layouts[map].value).push_back(field);
  return layouts;
}

void Convert(const std::vector<Field>& from, const std::byte* source, const std::vector<Field>& to,
             std::byte* target, size_t target_size) {
  std::memset(target, 0, target_size);
  for (const Field& field : to) {
    auto same = std::ranges::find(from, field.name, &Field::name);
    if (same == from.end()) continue;
    // Numbers of this machine have their low bytes first; of arrays the first elements stay.
    std::memcpy(target + field.offset, source + same->offset, std::min(field.size, same->size));
  }
}

}  // namespace distributor

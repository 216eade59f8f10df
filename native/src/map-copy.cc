// SPDX-License-Identifier: Apache-2.0
#include "map-copy.h"

#include <algorithm>
#include <cerrno>

#include "errors.h"

namespace distributor {

namespace {

constexpr uint32_t kBatch = 4096;

bool IsPerCpu(const bpf_map_info& info) { return info.type == BPF_MAP_TYPE_PERCPU_ARRAY; }

uint32_t RoundedUp(uint32_t size) { return (size + 7) / 8 * 8; }

// Reads what `convert` then makes of it; keys of arrays are indexes and stay.
void ReadPerCpu(int fd, const bpf_map_info& info, const OnElement& on_element) {
  int cpus = Check("libbpf_num_possible_cpus", libbpf_num_possible_cpus());
  std::vector<std::byte> value(size_t{RoundedUp(info.value_size)} * cpus);
  for (uint32_t index = 0; index < info.max_entries; index++) {
    Check("bpf(read map)", bpf_map_lookup_elem(fd, &index, value.data()));
    on_element(reinterpret_cast<std::byte*>(&index), value.data());
  }
}

void ReadBatches(int fd, const bpf_map_info& info, const OnElement& on_element) {
  uint32_t batch = std::min(kBatch, info.max_entries);
  std::vector<std::byte> keys, values;
  std::array<std::byte, 512> position;  // as large as any key
  bool is_first = true;
  for (int result = 0; result != -ENOENT;) {
    uint32_t count = batch;
    keys.resize(size_t{batch} * info.key_size);
    values.resize(size_t{batch} * info.value_size);
    result = bpf_map_lookup_batch(fd, is_first ? nullptr : position.data(), position.data(),
                                  keys.data(), values.data(), &count, nullptr);
    if (result == -ENOSPC) {  // one bucket of a hash has more
      batch *= 2;
      continue;
    }
    if (result < 0 && result != -ENOENT) throw SystemError("bpf(read map)", -result);
    for (uint32_t i = 0; i < count; i++)
      on_element(&keys[size_t{i} * info.key_size], &values[size_t{i} * info.value_size]);
    is_first = false;
  }
}

}  // namespace

bpf_map_info InfoOf(int map_fd) {
  bpf_map_info info{};
  uint32_t length = sizeof info;
  Check("bpf(map info)", bpf_obj_get_info_by_fd(map_fd, &info, &length));
  return info;
}

bool IsSame(const bpf_map_info& info, const Layout& layout, const bpf_map_info& wanted,
            const Layout& wanted_layout) {
  return info.type == wanted.type && info.key_size == wanted.key_size &&
         info.value_size == wanted.value_size && info.max_entries == wanted.max_entries &&
         info.map_flags == wanted.map_flags && layout == wanted_layout;
}

bool Fits(const Layout& layout, const bpf_map_info& info) {
  auto fit = [](const std::vector<Field>& fields, uint32_t size) {
    return std::ranges::all_of(
        fields, [&](const Field& field) { return uint64_t{field.offset} + field.size <= size; });
  };
  return fit(layout.key, info.key_size) && fit(layout.value, info.value_size);
}

void ForEach(const LaidOutMap& map, const bpf_map_info& wanted, const Layout& wanted_layout,
             const OnElement& on_element) {
  bpf_map_info info = InfoOf(map.fd);
  size_t copies = IsPerCpu(info) ? libbpf_num_possible_cpus() : 1;
  size_t stride = IsPerCpu(info) ? RoundedUp(info.value_size) : info.value_size;
  size_t target_stride = IsPerCpu(wanted) ? RoundedUp(wanted.value_size) : wanted.value_size;
  std::vector<std::byte> key(wanted.key_size), value(target_stride * copies);
  auto convert = [&](const std::byte* source_key, const std::byte* source_value) {
    Convert(map.layout.key, source_key, wanted_layout.key, key.data(), key.size());
    for (size_t i = 0; i < copies; i++)
      Convert(map.layout.value, source_value + i * stride, wanted_layout.value,
              &value[i * target_stride], target_stride);
    on_element(key.data(), value.data());
  };
  if (IsPerCpu(info))
    ReadPerCpu(map.fd, info, convert);
  else
    ReadBatches(map.fd, info, convert);
}

}  // namespace distributor

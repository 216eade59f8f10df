// SPDX-License-Identifier: Apache-2.0
//
// tables build METHOD SIZE POSITIONS ROUNDS
//   The least ms of all rounds that it takes to build a table.
// tables moves METHOD SIZE POSITIONS SEEDS
//   A line for each seed: clients that move when one position goes, as a multiple of the ideal,
//   which is as many as it had; the worst position's share, % off the ideal; clients that move
//   when the table doubles, %. A client is a slot.
// tables write SIZE POSITIONS ROUNDS
//   The least µs of all rounds that it takes to make a table visible in which one position has
//   gone: by the product, in mapped memory; by a batch update of all slots; by one of the slots
//   that change.
#include <bpf/bpf.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>

#include "methods.h"
#include "slot-table.h"

namespace bench {

namespace {

[[noreturn]] void Fail(const char *what) {
  std::perror(what);
  std::exit(1);
}

template <typename Work>
double Microseconds(Work work) {
  auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
      .count();
}

void Build(Method method, uint32_t size, uint32_t positions, uint32_t rounds) {
  std::vector<bool> everybody(positions, true);
  double least = HUGE_VAL;
  for (uint64_t seed = 0; seed < rounds; seed++)
    least = std::min(least, Microseconds([&] { method(seed, everybody, size); }));
  std::printf("%.4f\n", least / 1000);
}

double PercentOff(const std::vector<uint16_t> &owners, uint32_t positions) {
  std::vector<uint32_t> slots(positions);
  for (uint16_t owner : owners) slots[owner - 1]++;
  double ideal = static_cast<double>(owners.size()) / positions, worst = 0;
  for (uint32_t count : slots) worst = std::max(worst, std::abs(count / ideal - 1));
  return 100 * worst;
}

void Moves(Method method, uint32_t size, uint32_t positions, uint32_t seeds) {
  std::vector<bool> everybody(positions, true);
  for (uint64_t seed = 0; seed < seeds; seed++) {
    std::vector<bool> others = everybody;
    uint32_t gone = static_cast<uint32_t>(seed * 7919 % positions);
    others[gone] = false;
    std::vector<uint16_t> before = method(seed, everybody, size);
    std::vector<uint16_t> after = method(seed, others, size);
    std::vector<uint16_t> doubled = method(seed, everybody, 2 * size);
    uint32_t moved = 0, ideal = 0, moved_by_growth = 0;
    for (uint32_t slot = 0; slot < size; slot++) {
      moved += before[slot] != after[slot];
      ideal += before[slot] == gone + 1;
      moved_by_growth +=
          (before[slot] != doubled[2 * slot]) + (before[slot] != doubled[2 * slot + 1]);
    }
    std::printf("%.4f %.4f %.4f\n", static_cast<double>(moved) / ideal,
                PercentOff(before, positions), 50.0 * moved_by_growth / size);
  }
}

// The slots' map, and its memory.
struct Map {
  int fd;
  std::span<uint64_t> words;
};

Map CreateMap(uint32_t size) {
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
  int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "slots", sizeof(uint32_t), sizeof(dist_slot), size,
                          &options);
  if (fd < 0) Fail("map");
  size_t length = size * sizeof(dist_slot);
  void *memory = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  if (memory == MAP_FAILED) Fail("mmap");
  return {fd, {static_cast<uint64_t *>(memory), size}};
}

void UpdateBatch(int map, std::vector<uint32_t> &indexes, std::vector<dist_slot> &slots) {
  auto count = static_cast<uint32_t>(indexes.size());
  if (bpf_map_update_batch(map, indexes.data(), slots.data(), &count, nullptr) < 0) Fail("batch");
}

void WriteTables(uint32_t size, uint32_t positions, uint32_t rounds) {
  Map map = CreateMap(size);
  std::vector<bool> everybody(positions, true), others = everybody;
  others[0] = false;
  Method method = MethodNamed("stable-matching");
  std::vector<uint16_t> before = method(1, everybody, size), after = method(1, others, size);
  std::vector<uint32_t> all(size), changed;
  std::iota(all.begin(), all.end(), 0);
  std::vector<dist_slot> all_slots, changed_slots;
  for (uint32_t slot : all) {
    bool is_changed = before[slot] != after[slot];
    uint16_t previous = is_changed ? before[slot] : DIST_SETTLED;
    all_slots.push_back({.current = after[slot], .previous = previous, .clock = 1});
    if (!is_changed) continue;
    changed.push_back(slot);
    changed_slots.push_back(all_slots.back());
  }
  std::vector<uint8_t> settled(size);
  distributor::SlotTable table({map.words, settled, nullptr});
  double mapped = HUGE_VAL, batch = HUGE_VAL, batch_of_changed = HUGE_VAL;
  auto reset = [&] {
    table.Clear();
    table.Apply(before, {}, 1);
    table.Settle(2, 0);
  };
  for (uint32_t round = 0; round < rounds; round++) {
    reset();
    mapped = std::min(mapped, Microseconds([&] { table.Apply(after, {}, 3); }));
    reset();
    batch = std::min(batch, Microseconds([&] { UpdateBatch(map.fd, all, all_slots); }));
    reset();
    batch_of_changed = std::min(batch_of_changed,
                                Microseconds([&] { UpdateBatch(map.fd, changed, changed_slots); }));
  }
  std::printf("%.2f %.2f %.2f %zu\n", mapped, batch, batch_of_changed, changed.size());
}

}  // namespace

}  // namespace bench

int main(int argc, char **argv) {
  std::string what = argc > 1 ? argv[1] : "";
  bool has_method = what == "build" || what == "moves";
  if (argc != (has_method ? 6 : 5) || (!has_method && what != "write")) {
    std::fprintf(stderr,
                 "usage: tables build|moves METHOD SIZE POSITIONS COUNT\n"
                 "       tables write SIZE POSITIONS ROUNDS\n");
    return 2;
  }
  auto number = [&](int index) { return static_cast<uint32_t>(std::atoi(argv[index])); };
  if (!has_method) {
    bench::WriteTables(number(2), number(3), number(4));
    return 0;
  }
  bench::Method method = bench::MethodNamed(argv[2]);
  if (method == nullptr) {
    std::fprintf(stderr, "tables: no method is named %s\n", argv[2]);
    return 2;
  }
  (what == "build" ? bench::Build : bench::Moves)(method, number(3), number(4), number(5));
}

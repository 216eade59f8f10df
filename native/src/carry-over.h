// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bpf/libbpf.h>

#include <functional>
#include <map>
#include <string>

#include "abi.h"
#include "file-descriptor.h"
#include "layout.h"

namespace distributor {

// A set of maps that another program uses or used, by name, with its layouts.
struct MapSet {
  std::map<std::string, FileDescriptor> maps;
  Layouts layouts;
};

// Fills the maps of a program that is loaded and not attached yet from those that `before`
// uses. Maps that both share are left alone. While the old program still runs, packets go
// on changing what it has: Merge() brings that.
//
// Between the two a packet in an unsettled slot whose flow is not known may belong to an
// entry that is still to come: the program drops it while the ledger says `carrying`.
class CarryOver {
 public:
  CarryOver(const bpf_object& object, const Layouts& layouts)
      : object_(object), layouts_(layouts) {}

  // Which of the program's maps cannot be those of `before`: another layout or size. Flows and
  // the shares that count them go together; each set has a description of its own.
  std::vector<std::string> Carried(const MapSet& before) const;

  // Throws SystemError (E2BIG) naming what `before` uses more of than the program has room for.
  void CheckRoom(const MapSet& before) const;

  // Calls with the ledger's header as it was.
  void Header(const MapSet& before, const std::function<void(const dist_header&)>& visit) const;

  void Copy(const MapSet& before, const std::vector<std::string>& carried) const;

  // Brings the flows that the old program has seen last, once it no longer runs. Returns how many
  // found no room.
  uint64_t Merge(const MapSet& before) const;

 private:
  bpf_map_info Wanted(const std::string& map) const;
  int Fd(const std::string& map) const;
  bool IsShared(const MapSet& before, const std::string& map) const;
  void ForEachOf(const MapSet& before, const std::string& map,
                 const std::function<void(const std::byte*, const std::byte*)>& visit) const;
  void CopyPlain(const MapSet& before, const std::string& map) const;
  uint64_t MergeFlows(const MapSet& before) const;
  void MergeOpenings(const MapSet& before) const;
  void MergeSlots(const MapSet& before) const;

  const bpf_object& object_;
  const Layouts& layouts_;
};

}  // namespace distributor

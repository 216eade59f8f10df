// SPDX-License-Identifier: Apache-2.0
#include "pins.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

#include "errors.h"

namespace distributor {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSetPrefix = "maps-";

void MakeDirectory(const fs::path& path) {
  if (mkdir(path.c_str(), 0700) < 0 && errno != EEXIST)
    throw SystemError("mkdir " + path.string(), errno);
}

// More are not counted up to.
constexpr uint32_t kMaxNumber = INT32_MAX;

// The number after `prefix`, as this writes it; none where the name is another.
std::optional<uint32_t> NumberIn(const std::string& name, std::string_view prefix) {
  uint32_t number = 0;
  if (!name.starts_with(prefix)) return std::nullopt;
  const char* end = name.data() + name.size();
  auto [last, error] = std::from_chars(name.data() + prefix.size(), end, number);
  if (error != std::errc() || last != end || number > kMaxNumber) return std::nullopt;
  if (std::string(prefix) + std::to_string(number) != name) return std::nullopt;
  return number;
}

std::vector<uint32_t> NumbersIn(const fs::path& directory, std::string_view prefix) {
  std::vector<uint32_t> numbers;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error))
    if (auto number = NumberIn(entry.path().filename(), prefix)) numbers.push_back(*number);
  if (error && error.value() != ENOENT)
    throw SystemError("readdir " + directory.string(), error.value());
  std::ranges::sort(numbers);
  return numbers;
}

FileDescriptor Open(const fs::path& path) {
  int fd = bpf_obj_get(path.c_str());
  if (fd == -ENOENT) return FileDescriptor();
  if (fd < 0) throw SystemError("bpf(open " + path.string() + ")", -fd);
  return FileDescriptor(fd);
}

void Pin(const fs::path& path, int fd) {
  int result = bpf_obj_pin(fd, path.c_str());
  if (result < 0) throw SystemError("bpf(pin " + path.string() + ")", -result);
}

void Remove(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) throw SystemError("remove " + path.string(), error.value());
}

bool IsOnBpffs(const fs::path& path) {
  struct statfs filesystem;
  return statfs(path.c_str(), &filesystem) == 0 && filesystem.f_type == BPF_FS_MAGIC;
}

}  // namespace

Pins::Pins(const std::string& directory) : directory_(directory) {
  if (!IsOnBpffs(directory_) && !IsOnBpffs(directory_.parent_path()))
    throw SystemError("pin", EINVAL,
                      directory +
                          " is not on a bpffs: mount -t bpf bpf /sys/fs/bpf, and enter a "
                          "network namespace by nsenter --net (ip netns exec hides it)");
  MakeDirectory(directory_);
  lock_ = FileDescriptor(
      Check("open pins", open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  if (flock(lock_.get(), LOCK_EX | LOCK_NB) < 0)
    throw SystemError("flock", errno, directory + " is in use by another process");
  MakeDirectory(directory_ / "ports");
}

std::vector<uint32_t> Pins::Sets() const {
  std::vector<uint32_t> sets = NumbersIn(directory_, kSetPrefix);
  std::erase_if(sets, [&](uint32_t set) {
    if (OpenMap(set, kLastPinned).get() >= 0) return false;
    RemoveSet(set);
    return true;
  });
  return sets;
}

FileDescriptor Pins::OpenMap(uint32_t set, const std::string& map) const {
  return Open(SetPath(set) / map);
}

bool Pins::HasMap(uint32_t set, const std::string& map) const {
  return access((SetPath(set) / map).c_str(), F_OK) == 0;
}

void Pins::PinMap(uint32_t set, const std::string& map, int fd) const {
  MakeDirectory(directory_);
  MakeDirectory(SetPath(set));
  Pin(SetPath(set) / map, fd);
}

// What makes it complete goes first.
void Pins::RemoveSet(uint32_t set) const {
  Remove(SetPath(set) / kLastPinned);
  Remove(SetPath(set));
}

std::vector<uint32_t> Pins::Ports() const { return NumbersIn(directory_ / "ports", ""); }

FileDescriptor Pins::OpenLink(uint32_t ifindex) const { return Open(LinkPath(ifindex)); }

bool Pins::HasLink(uint32_t ifindex) const { return access(LinkPath(ifindex).c_str(), F_OK) == 0; }

void Pins::PinLink(uint32_t ifindex, int fd) const {
  MakeDirectory(directory_ / "ports");
  Pin(LinkPath(ifindex), fd);
}

void Pins::RemoveLink(uint32_t ifindex) const { Remove(LinkPath(ifindex)); }

// Links first: a program goes before its maps' names do.
void Pins::RemoveAll() const {
  Remove(directory_ / "ports");
  Remove(directory_);
}

fs::path Pins::SetPath(uint32_t set) const {
  return directory_ / (std::string(kSetPrefix) + std::to_string(set));
}

fs::path Pins::LinkPath(uint32_t ifindex) const {
  return directory_ / "ports" / std::to_string(ifindex);
}

}  // namespace distributor

// The objects below commits, each once.
#pragma once

#include <cstring>
#include <unordered_set>
#include <vector>

#include "base/hash.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::ostree {

struct ObjectName {
    Sha256 checksum{};
    ObjectType type = ObjectType::file;
    bool operator==(const ObjectName&) const = default;
};

struct ObjectNameHash {
    std::size_t operator()(const ObjectName& name) const noexcept {
        std::size_t out = 0;  // a checksum is as good a hash as there is
        std::memcpy(&out, name.checksum.data(), sizeof out);
        return out + static_cast<std::size_t>(name.type);
    }
};

// Collects the objects of one commit after the other. A tree that several have in common is read once, so
// that a long history costs what its changes cost.
class ObjectClosure {
  public:
    // `repository` is borrowed.
    explicit ObjectClosure(const Repository& repository) : repository_(repository) {}

    // Adds what the root holds, and returns how many objects are new by it. The bytes of dirtree objects are
    // checked against their checksums. Throws Error: not_found when one is missing, digest_mismatch, invalid
    // when one is malformed or more than kMaxDepth deep.
    std::size_t add(const RootChecksums& root);

    // In the order in which they were found. Those of the last add() are at the end.
    const std::vector<ObjectName>& objects() const noexcept { return objects_; }
    bool contains(const ObjectName& name) const { return known_.contains(name); }

  private:
    void add_tree(const Sha256& tree, std::size_t depth);
    bool insert(const Sha256& checksum, ObjectType type);

    const Repository& repository_;
    std::unordered_set<ObjectName, ObjectNameHash> known_;
    std::vector<ObjectName> objects_;
};

}  // namespace osb::ostree

// The set of objects that are reachable from commits.
#pragma once

#include <cstring>
#include <unordered_set>
#include <vector>

#include "base/hash.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::ostree {

// The checksum and the type of an object.
struct ObjectName {
    Sha256 checksum{};
    ObjectType type = ObjectType::file;
    bool operator==(const ObjectName&) const = default;
};

struct ObjectNameHash {
    std::size_t operator()(const ObjectName& name) const noexcept {
        std::size_t out = 0;  // a checksum is itself a good hash
        std::memcpy(&out, name.checksum.data(), sizeof out);
        return out + static_cast<std::size_t>(name.type);
    }
};

// Collects the objects of several commits. It reads a shared tree only once, so the cost of a long history is
// that of its changes.
class ObjectClosure {
  public:
    // `repository` is borrowed and must outlive this object.
    explicit ObjectClosure(const Repository& repository) : repository_(repository) {}

    // Adds the objects below the root, and returns the number of new ones. Verifies the checksums of dirtree
    // objects. Throws Error: not_found if an object is missing; digest_mismatch; invalid if one is malformed
    // or deeper than kMaxDepth.
    std::size_t add(const RootChecksums& root);

    // The objects in the order of discovery. Those of the last add() are at the end.
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

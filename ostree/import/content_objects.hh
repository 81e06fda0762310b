// The objects of a repository that have the contents of a layer's files.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/hash.hh"
#include "ostree/import/file_store.hh"

namespace osb::ostree {

// Objects by the group of files that have the same content (FilePlan), and by their metadata. Of several with
// the same metadata, the first one is kept. Thread-safe.
class ContentObjects {
  public:
    explicit ContentObjects(std::size_t groups) : first_(groups) {}

    void add(std::size_t group, ObjectMeta meta, const Sha256& object);
    // The object with this metadata.
    std::optional<Sha256> find(std::size_t group, const ObjectMeta& meta) const;
    // The object that was added first. Throws Error{not_found} if there is none.
    Sha256 first(std::size_t group) const;
    bool has(std::size_t group) const;

  private:
    mutable std::mutex mutex_;
    std::vector<std::optional<Sha256>> first_;
    std::map<std::pair<std::size_t, ObjectMeta>, Sha256> objects_;
};

}  // namespace osb::ostree

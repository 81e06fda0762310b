// An opened ostree repository. It owns libostree's object, whose headers stay private to this folder.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hh"
#include "ostree/objects/commit_id.hh"

namespace osb::ostree {

// The storage format of objects in a repository: ostree-repo-config(5), core.mode.
enum class RepoMode { archive, bare, bare_user, bare_user_only };

std::string_view to_string(RepoMode mode) noexcept;

// The prefix of refs that name layers, not systems. osb-oci, bootc and rpm-ostree create and delete them.
inline constexpr std::string_view kLayerRefs = "ostree/container/blob/";

// A movable handle of a repository. Not thread-safe, except for functions whose comments say so.
class Repository {
  public:
    // Opens the repository at `path`, and makes directories for refs that are missing because they were
    // empty. Throws Error{not_found} if there is none.
    static Repository open(const std::string& path);
    // Opens the repository. If `path` is missing, is an empty directory, or has an interrupted creation,
    // creates it in archive mode. Several processes may do so at once. Other users can read the repository,
    // whatever the umask.
    static Repository open_or_create(const std::string& path);
    // Creates a repository in the same way. Throws Error{io} if `path` has content.
    static Repository create(const std::string& path, RepoMode mode);

    Repository(Repository&&) noexcept;
    Repository& operator=(Repository&&) noexcept;
    Repository(const Repository&) = delete;
    Repository& operator=(const Repository&) = delete;
    ~Repository();

    RepoMode mode() const;
    const std::string& path() const;

    // The commit of a ref, a checksum or an abbreviated checksum, or nullopt.
    std::optional<CommitId> resolve(const std::string& rev) const;
    // All refs that start with prefix + "/" ("" for all), sorted.
    std::vector<std::string> refs(const std::string& prefix) const;

    // libostree's object, for other files of this folder.
    struct Handle;
    Handle& handle() const { return *handle_; }

  private:
    explicit Repository(std::unique_ptr<Handle> handle);
    std::unique_ptr<Handle> handle_;
};

// Makes an Error{not_found} with this message, for a revision that the repository does not have. If a ref has
// a similar name, the hint suggests it.
Error revision_not_found(const Repository& repository, const std::string& rev, std::string message);

}  // namespace osb::ostree

// An ostree repository, opened. Holds libostree's object; its headers stay inside this folder.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hh"
#include "ostree/objects/commit_id.hh"

namespace osb::ostree {

// How a repository stores objects: ostree-repo-config(5), core.mode.
enum class RepoMode { archive, bare, bare_user, bare_user_only };

std::string_view to_string(RepoMode mode) noexcept;

// Refs that begin with this name layers, not systems: osb-oci, bootc and rpm-ostree make and delete them.
inline constexpr std::string_view kLayerRefs = "ostree/container/blob/";

// A handle on a repository. May be moved; not for use by several threads at once, except where a function
// says so.
class Repository {
  public:
    // Opens the repository at `path`. Throws Error{not_found} when there is none.
    static Repository open(const std::string& path);
    // Opens it, or creates it in archive mode when `path` is missing, an empty directory, or one whose
    // creation was interrupted. Several processes may do so at once. Others may read what is created,
    // whatever the umask.
    static Repository open_or_create(const std::string& path);
    // Creates one, likewise. Throws Error{io} when `path` holds something.
    static Repository create(const std::string& path, RepoMode mode);

    Repository(Repository&&) noexcept;
    Repository& operator=(Repository&&) noexcept;
    Repository(const Repository&) = delete;
    Repository& operator=(const Repository&) = delete;
    ~Repository();

    RepoMode mode() const;
    const std::string& path() const;

    // The commit that a ref, a checksum or an abbreviated checksum names; nothing when there is none.
    std::optional<CommitId> resolve(const std::string& rev) const;
    // All refs that begin with prefix + "/" ("" for all), sorted.
    std::vector<std::string> refs(const std::string& prefix) const;

    // libostree's object, for the other files of this folder.
    struct Handle;
    Handle& handle() const { return *handle_; }

  private:
    explicit Repository(std::unique_ptr<Handle> handle);
    std::unique_ptr<Handle> handle_;
};

// An Error{not_found} with this message, for a revision that the repository lacks. Its hint names the ref
// that was probably meant, where one is spelled nearly like it.
Error revision_not_found(const Repository& repository, const std::string& rev, std::string message);

}  // namespace osb::ostree

// A sysroot: the deployments of a machine, which libostree keeps below /ostree/deploy and lists in the boot
// entries ("OSTree deployments" in its manual). It covers the functions of OstreeSysroot that osb-oci needs.
// The policy (order of deployments, trials, origins) is in system/.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"
#include "ostree/sysroot/deployment_id.hh"

namespace osb::ostree {

// The state of /usr in a deployment ("ostree admin unlock").
enum class UsrState {
    read_only,
    development,  // writable until the restart
    hotfix,       // writable, and changes are kept
    transient,    // as development, but only for processes that remount it in a namespace of their own
};

// The name of libostree: "none", "development", "hotfix", "transient".
std::string_view to_string(UsrState state) noexcept;

// A deployment, as it was when the sysroot was loaded.
struct Deployment {
    DeploymentId id;
    std::string boot_checksum;  // libostree's identifier of its kernel and initramfs
    std::string boot_path;  // "/ostree/boot.N/...": its `ostree=` argument, which identifies its boot entry
    std::string origin;     // text of the origin file; "" for none
    std::vector<std::string> kernel_options;  // without ostree=
    bool booted = false;
    bool pinned = false;
    UsrState usr = UsrState::read_only;
    bool staged = false;  // will be added to the boot entries at shutdown (by another program with systemd)

    // True if both are the same deployment, even if its state has changed.
    friend bool operator==(const Deployment& a, const Deployment& b) { return a.id == b.id; }
};

// The description of a deployment to create.
struct NewDeployment {
    std::string stateroot;
    CommitId commit;
    std::string origin;                       // text of the origin file
    std::vector<std::string> kernel_options;  // without ostree=, which is added
    std::optional<Deployment> merge;          // its /etc is merged into the new one
};

// A handle of a sysroot. Not thread-safe.
class Sysroot {
  public:
    // Opens the sysroot at `path`: "/" for the running system, otherwise the mount point of a disk's root
    // filesystem. Read-only, so it needs no privileges. Throws Error{not_found} if there is no sysroot, or
    // with the code "no_boot_entries" if BOOT lists none of its deployments (it is not mounted).
    static Sysroot open(const std::string& path);
    // Opens the sysroot for changes. Takes the lock of libostree's programs, and waits for its holder
    // (reported through log_info). Uses a private mount namespace, in which /sysroot and /boot are writable.
    // While it is open, the process has the umask 022, because all users may read the files. Call it before
    // this process starts threads. Throws Error as open(); io if privileges are missing; Interrupted during
    // the wait.
    static Sysroot open_locked(const std::string& path);

    Sysroot(Sysroot&&) noexcept;
    Sysroot& operator=(Sysroot&&) noexcept;
    Sysroot(const Sysroot&) = delete;
    Sysroot& operator=(const Sysroot&) = delete;
    ~Sysroot();

    const std::string& path() const;
    // Appends a path that is relative to the sysroot.
    std::string path_of(const std::string& below) const;
    // The mount point of BOOT: PATH/boot.
    std::string boot() const { return path_of("boot"); }
    // Opens the repository of the sysroot: ostree/repo.
    Repository repository() const;

    // The deployments in the order of the boot entries; the first is the bootloader's default.
    const std::vector<Deployment>& deployments() const;
    // The running deployment; nullopt if this sysroot is not that of the running system.
    std::optional<Deployment> booted() const;
    // Reads the deployments again, after another process has changed them.
    void reload() { load(); }
    // Returns nullopt if the deployment does not exist any more.
    std::optional<Deployment> find(const DeploymentId& id) const;

    // The following functions require a locked sysroot.

    // Checks the commit out, merges /etc and writes the deployment's files. There is no boot entry for it
    // before write().
    Deployment deploy(const NewDeployment& deployment);
    // Sets the list of deployments, in this order. Atomic for the boot entries. Then calls `and_then`, and
    // only after that removes files of unlisted deployments: use it to write a menu that libostree does not
    // write, so that the menu never names missing files. The list must include the running deployment. Its
    // elements come from deploy() or deployments(), in any order.
    void write(const std::vector<Deployment>& deployments, const std::function<void()>& and_then = {});
    // Removes leftover files of unlisted deployments, in the sysroot and in BOOT, for example after an
    // interrupted run. No menu may name them any more. Also removes immutable files (chattr +i).
    void remove_undeployed();
    void set_pinned(const Deployment& deployment, bool pinned);
    // Replaces the deployment's origin file atomically; also for one from deploy().
    void set_origin(const Deployment& deployment, const std::string& origin);
    // Deletes the refs `unused_refs`. Then removes everything that no deployment and no ref uses, on disk and
    // in BOOT, and the layers of removed images (layer_store.hh). Returns the freed bytes in the repository.
    std::uint64_t cleanup(const std::vector<std::string>& unused_refs);

    // The part of cleanup() that works on the repository, without the files of deployments.
    std::uint64_t prune(const std::vector<std::string>& unused_refs);

  private:
    struct Handle;
    explicit Sysroot(std::unique_ptr<Handle> handle);
    // Clears the flags of files of unlisted deployments. Returns true if any file had one.
    bool clear_undeployed_flags();
    void load();
    void check_entries() const;
    std::string mount_boot_hint() const;
    std::unique_ptr<Handle> handle_;
};

}  // namespace osb::ostree

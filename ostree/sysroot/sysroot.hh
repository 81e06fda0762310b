// A sysroot: the deployments of a machine, as libostree keeps them below /ostree/deploy and lists them in the
// boot entries ("OSTree deployments" in its manual). What an operating system made of osb-oci needs of
// OstreeSysroot; its policy (which deployment comes first, trials, origins) is in system/.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"
#include "ostree/sysroot/deployment_id.hh"

namespace osb::ostree {

// One deployment, as it was when the sysroot was loaded.
struct Deployment {
    DeploymentId id;
    std::string boot_checksum;  // libostree's name for its kernel and initramfs
    std::string boot_path;  // "/ostree/boot.N/...": its `ostree=` argument, by which its boot entry is found
    std::string origin;     // text of the origin file; "" for none
    std::vector<std::string> kernel_options;  // without ostree=
    bool booted = false;
    bool pinned = false;
    bool staged = false;  // to be written to the boot entries at shutdown (not by us: needs systemd)

    // Whether it is the same deployment, whatever has become of it meanwhile.
    friend bool operator==(const Deployment& a, const Deployment& b) { return a.id == b.id; }
};

// What is to be deployed.
struct NewDeployment {
    std::string stateroot;
    CommitId commit;
    std::string origin;                       // text of the origin file
    std::vector<std::string> kernel_options;  // without ostree=, which is added
    std::optional<Deployment> merge;          // whose /etc is merged into the new one's
};

// Not for use by several threads at once.
class Sysroot {
  public:
    // Opens the one at `path`: "/" for the running system, else where a disk's root filesystem is mounted.
    // Only reads, and so needs no privileges. Throws Error{not_found} when there is no sysroot.
    static Sysroot open(const std::string& path);
    // Opens it to change it: takes the lock that libostree's programs take, waiting for whoever holds it
    // (log_info says so), in a mount namespace of this process's own, where /sysroot and /boot are writable.
    // While it is open the process has the umask 022: what is written there is for everybody to read. To be
    // called before this process has other threads. Throws Error as open(); io when the rights are missing;
    // Interrupted while it waits.
    static Sysroot open_locked(const std::string& path);

    Sysroot(Sysroot&&) noexcept;
    Sysroot& operator=(Sysroot&&) noexcept;
    Sysroot(const Sysroot&) = delete;
    Sysroot& operator=(const Sysroot&) = delete;
    ~Sysroot();

    const std::string& path() const;
    // The path with a path below the sysroot added.
    std::string path_of(const std::string& below) const;
    // Where BOOT is mounted: PATH/boot.
    std::string boot() const { return path_of("boot"); }
    // Of the sysroot: ostree/repo.
    Repository repository() const;

    // In the order of the boot entries: the first is the bootloader's default.
    const std::vector<Deployment>& deployments() const;
    // The one that runs; nothing when this sysroot is not the running system's.
    std::optional<Deployment> booted() const;
    // Nothing when it is gone.
    std::optional<Deployment> find(const DeploymentId& id) const;

    // From here on the sysroot must be locked.

    // Checks the commit out, merges /etc and writes the deployment's files. No boot entry names it before
    // write().
    Deployment deploy(const NewDeployment& deployment);
    // Makes these the deployments, in this order, in one step as far as the boot entries are concerned; then
    // calls `and_then`, and after that removes files of those that are no longer listed: a menu that
    // libostree does not write is to be written in between, so that at no instant it names what is not there.
    // The running deployment must be among them. Of one from deploy() and of one that is listed already, in
    // any order.
    void write(const std::vector<Deployment>& deployments, const std::function<void()>& and_then = {});
    // Removes files of what is not deployed, here and in BOOT, as an interrupted run leaves them. No menu may
    // name them any more. Files that are immutable (chattr +i) are removed, too.
    void remove_undeployed();
    void set_pinned(const Deployment& deployment, bool pinned);
    // Replaces the text of its origin file, in one step; also of one from deploy().
    void set_origin(const Deployment& deployment, const std::string& origin);
    // Removes what no deployment and no ref uses, on disk and in BOOT, and layers of images that are gone
    // (layer_store.hh); before that deletes these refs. Returns the bytes that were freed in the repository.
    std::uint64_t cleanup(const std::vector<std::string>& unused_refs);

  private:
    struct Handle;
    explicit Sysroot(std::unique_ptr<Handle> handle);
    // Whether any file of what is not deployed had such a flag.
    bool clear_undeployed_flags();
    void load();
    std::unique_ptr<Handle> handle_;
};

}  // namespace osb::ostree

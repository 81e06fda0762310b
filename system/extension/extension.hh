// Extensions: images whose /usr is merged over the /usr of a system, and stays over restarts
// (docs/extensions.md). Each boot evaluates them against the deployment that runs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/progress.hh"
#include "base/sandbox.hh"
#include "ostree/sysroot/sysroot.hh"
#include "registry/distribution/registry_access.hh"
#include "system/extension/extension_files.hh"
#include "system/extension/extension_record.hh"
#include "system/extension/usr_mount.hh"

namespace osb::system {

// The kernel argument that keeps all extensions off for one boot.
inline constexpr std::string_view kExtensionsOff = "osb.extensions=0";

// The state of an extension in a sysroot.
enum class ExtensionState {
    merged,   // on /usr of the running system
    waiting,  // the next boot merges it: the sysroot does not run, or the change could not take effect at
              // once
    unfit,    // it does not fit the current system
    missing,  // its files are missing
    leaving,  // removed, but on /usr until the next boot
};

struct ExtensionStatus {
    Extension extension;
    ExtensionState state = ExtensionState::waiting;
    std::string reason;  // of the state, escaped; "" if it needs none
};

// The extensions of the current system, sorted by name. Needs no privileges. Throws as read_extensions().
std::vector<ExtensionStatus> read_extension_status(const ostree::Sysroot& sysroot);

// The current system: the running one, else the default. Throws Error{not_found} if nothing is deployed.
ostree::Deployment current_deployment(const ostree::Sysroot& sysroot);

// An extension that is not merged, with the reason.
struct UnfitExtension {
    std::string name;
    std::string reason;  // escaped

    friend bool operator==(const UnfitExtension&, const UnfitExtension&) = default;
};

// Returns the extensions of the current system that do not fit another system. Logs an unreadable list as a
// warning.
std::vector<UnfitExtension> find_unfit_extensions(const ostree::Sysroot& sysroot,
                                                  const image::OsRelease& release);

// When a change of the extensions takes effect.
enum class ExtensionEffect {
    now,        // /usr of the running system has it
    next_boot,  // /usr is writable now, or osb.extensions=0 is set
    recorded,   // the sysroot does not run
};

struct MergeReport {
    ExtensionEffect effect = ExtensionEffect::now;
    std::vector<MergedExtension> merged;   // on /usr now
    std::vector<UnfitExtension> left_out;  // does not fit, or its files are missing
};

// Merges the extensions of the running system that fit it. Replaces the previous overlay as a whole.
// Idempotent. At a boot, `where` is this process's namespace. The sysroot must be locked. Throws Error as
// mount_on_usr(), unmount_usr(), read_extensions() and write_merged().
MergeReport merge_extensions(const ostree::Sysroot& sysroot, const MountNamespace& where);

struct AddOptions {
    std::string image;  // TRANSPORT:NAME
    registry::RegistryOptions registry;
    std::string name;                        // "" for the name of its extension-release file
    bool force = false;                      // also if it does not fit
    unsigned jobs = 0;                       // number of threads; 0 means one per core
    SandboxMode sandbox = SandboxMode::off;  // of the process that reads the image
};

struct AddReport {
    Extension extension;
    std::optional<ostree::CommitId> before;  // the extension of that name was replaced
    ExtensionContent content;
    std::vector<std::string> notes;  // parts of the image that are left out, escaped
    std::string unfit;               // with `force`: the reason why it does not fit, escaped
    ExtensionEffect effect = ExtensionEffect::now;
};

// Imports an image as an extension, checks that it fits the current system, records it, and merges it if the
// system runs. With a sandbox, the image is read in a process of its own (base/sandboxed_call.hh), which can
// change only the repository. Replaces an extension of that name. If this throws before the extension is
// recorded, nothing has changed. The sysroot must be locked. Throws Error: unsupported for an image for
// another machine, unless `force`; refused with the code "does_not_fit"; invalid for an image without a
// usable extension-release; those of open_trusted_image(), import_image() and merge_extensions().
AddReport add_extension(ostree::Sysroot& sysroot, const MountNamespace& where, const AddOptions& options,
                        Progress& progress);

struct RemoveReport {
    Extension extension;
    ExtensionEffect effect = ExtensionEffect::now;
};

// Removes an extension: from the list, from /usr, then its files. Throws Error{not_found}; those of
// merge_extensions().
RemoveReport remove_extension(ostree::Sysroot& sysroot, const MountNamespace& where, const std::string& name);

}  // namespace osb::system

// The facts that the checks of `lint` read.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "image/lint/deployed_view.hh"
#include "image/lint/initramfs.hh"
#include "image/lint/lint_tree.hh"
#include "oci/documents/platform.hh"

namespace osb::image {

// The origin of a tree, which decides what may still happen to it.
enum class LintSource { image, commit, directory };

// A tree to check, and the facts about it that are not in the tree.
struct LintSubject {
    const LintTree& tree;  // borrowed
    LintSource source = LintSource::directory;
    // The same image in the bootable layout, if import does more than to convert `tree`; otherwise nullptr.
    const LintTree* deployed = nullptr;
    std::optional<oci::Platform> platform;  // nullopt: that of the programs in the tree
    std::optional<std::string> version;  // "" if the image does not have one; nullopt if it cannot have one
    std::vector<std::string> dropped;    // paths of devices, FIFOs and sockets that import has dropped
};

// A subject and the facts that follow from it. Not thread-safe.
class LintContext {
  public:
    // Borrows the tree of the subject. Throws as view_deployed().
    explicit LintContext(const LintSubject& subject);

    const LintTree& tree() const noexcept { return subject_.tree; }
    const LintSubject& subject() const noexcept { return subject_; }
    const DeployedView& deployed() const noexcept { return deployed_; }
    // The platform of the subject, or that of its programs; nullopt if it has none that is known.
    const std::optional<oci::Platform>& platform() const noexcept { return platform_; }
    // The platform of the programs alone.
    const std::optional<oci::Platform>& program_platform() const noexcept { return program_platform_; }

    // What a program in the running system finds: LintTree::resolve().
    std::optional<FoundEntry> find(std::string_view path) const { return tree().resolve(path); }
    bool has(std::string_view path) const { return find(path).has_value(); }

    // The path in the tree of a path of the running system in /etc or /var, without following links.
    std::string place_of(std::string_view path) const;
    // The directories whose content goes to /var of a new machine, as paths in the tree.
    std::vector<std::string> state_directories() const;

    // The only kernel; nullptr if there is none or several.
    const LintKernel* kernel() const noexcept;
    // The content of its initramfs; nullptr without one. Reads it at the first call. Throws Error.
    const InitramfsFacts* initramfs() const;

    // A line that installs a package: with apk, or with apt in a system that has dpkg.
    std::string install_line(std::string_view alpine, std::string_view debian) const;
    // A line that makes the initramfs again.
    std::string initramfs_line() const;
    // The runlevels of OpenRC that start the service, sorted.
    std::vector<std::string> runlevels_of(std::string_view service) const;

  private:
    const LintSubject& subject_;
    const bool laid_out_;  // LintTree::is_laid_out() searches the tree
    DeployedView deployed_;
    std::optional<oci::Platform> program_platform_;
    std::optional<oci::Platform> platform_;
    mutable std::optional<InitramfsFacts> initramfs_;
};

// The text of a small file; nullopt if there is none at the path of the running system, or if it has more
// than 1 MiB. Throws Error if it cannot be read.
std::optional<std::string> read_small(const LintContext& context, std::string_view path);

// Collects the first paths of many, for a message.
class PathList {
  public:
    void add(std::string_view path);
    std::size_t count() const noexcept { return count_; }
    // "/a, /b, /c, ...", escaped.
    std::string text() const { return text_; }

  private:
    std::size_t count_ = 0;
    std::string text_;
};

}  // namespace osb::image

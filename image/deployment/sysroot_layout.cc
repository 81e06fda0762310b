#include "image/deployment/sysroot_layout.hh"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "image/deployment/os_release.hh"
#include "image/deployment/repository_layout.hh"
#include "ostree/sysroot/deployment_id.hh"
#include "ostree/tree/commit_info.hh"

namespace osb::image {
namespace {

// The first set of boot links in libostree's numbering, which alternates between 0 and 1.
constexpr std::string_view kBootVersion = "boot.1";
constexpr std::string_view kBootSubversion = "boot.1.1";
constexpr std::string_view kUsrEtc = "usr/etc";

class Layout {
  public:
    Layout(const ostree::Repository& repository, const ostree::CommitWalk& walk, const Kernel& kernel,
           const DeploymentSpec& spec, unsigned jobs)
        : source_(repository),
          walk_(walk),
          id_{spec.stateroot, walk.commit.value()},
          kernel_(kernel),
          spec_(spec),
          directory_{.mode = 0755, .mtime = spec.time},
          file_{.mode = 0644, .mtime = spec.time},
          out_{.root = FileTree(directory_), .boot = FileTree(directory_), .entry = {}} {
        make_root_directories();
        repository_.emplace(out_.root, ostree_, source_, spec.time, jobs);
    }

    SysrootLayout run() {
        fill_repository();
        make_state();
        make_deployment();
        make_boot_links();
        make_boot();
        return std::move(out_);
    }

  private:
    void make_root_directories() {
        FileTree& root = out_.root;
        for (const char* name : {"boot", "dev", "home", "proc", "run", "sys"}) {
            root.add_directory(0, name, directory_);
        }
        root.add_directory(0, "root", {.mode = 0700, .mtime = spec_.time});
        root.add_directory(0, "tmp", {.mode = 01777, .mtime = spec_.time});
        ostree_ = root.add_directory(0, "ostree", directory_);
    }

    void fill_repository() {
        std::vector<ostree::CommitId> done{id_.commit};
        repository_->add_commit(walk_);
        for (const auto& [name, commit] : spec_.refs) {
            repository_->add_ref(name, commit);
            if (std::find(done.begin(), done.end(), commit) != done.end()) continue;
            done.push_back(commit);
            repository_->add_commit(ostree::walk_commit(source_, commit));
        }
        // This ref protects the deployment's commit from pruning.
        repository_->add_ref("heads/ostree/1/1/0", id_.commit);
        repository_->add_config(concat("[core]\nrepo_version=1\nmode=bare\n", spec_.repository_config));
        for (const auto& [name, text] : spec_.repository_files) repository_->add_file(name, text);
    }

    void make_state() {
        FileTree& root = out_.root;
        stateroot_ = root.make_directories(concat("deploy/", spec_.stateroot), directory_, ostree_);
        out_.var = root.add_directory(stateroot_, "var", directory_);
        for (const char* name : {"lib", "log"}) root.add_directory(out_.var, name, directory_);
        root.add_directory(out_.var, "tmp", {.mode = 01777, .mtime = spec_.time});
        root.add_symlink(out_.var, "lock", directory_, "../run/lock");
        root.add_symlink(out_.var, "run", directory_, "../run");
    }

    Attributes attributes_of(const Sha256& meta) {
        const ostree::DirectoryMeta& found = repository_->directory_meta(meta);
        return {.mode = found.mode, .uid = found.uid, .gid = found.gid, .mtime = 0, .xattrs = found.xattrs};
    }

    // Adds the tree of the commit: new directories, and hard links to the repository's files. Adds /etc as a
    // writable copy of usr/etc.
    void make_deployment() {
        FileTree& root = out_.root;
        const InodeId folder = root.add_directory(stateroot_, "deploy", directory_);
        const std::string name = id_.to_string();
        root.add_file(folder, name + ".origin", file_, Content::of(spec_.origin.text()));
        std::map<std::string, InodeId, std::less<>> places;
        for (const ostree::WalkedDirectory& directory : walk_.directories) {
            add_directory(folder, name, directory, places);
        }
        const auto etc = places.find("etc");
        if (etc == places.end()) throw Error(ErrorKind::internal, "the deployment has no /etc");
        out_.etc = etc->second;
        std::vector<std::pair<std::string_view, const Sha256*>> files;
        for (const ostree::WalkedFile& file : walk_.files) {
            for (const std::string& path : file.paths) files.emplace_back(path, &file.checksum);
        }
        for (const auto& [path, checksum] : files) {
            const auto [parent, base] = split(path);
            root.add_link(places.find(parent)->second, base, repository_->file(*checksum));
        }
        // These come last, so that the data of one machine is apart from the shared data.
        for (const auto& [path, checksum] : files) {
            const std::optional<std::string> copy = etc_path(path);
            if (copy) copy_file(places.find(split(*copy).first)->second, split(*copy).second, *checksum);
        }
    }

    void add_directory(InodeId folder, const std::string& name, const ostree::WalkedDirectory& directory,
                       std::map<std::string, InodeId, std::less<>>& places) {
        FileTree& root = out_.root;
        Attributes attributes = attributes_of(directory.meta);
        if (directory.path.empty()) {
            // As in libostree: immutable, so that no file is created there by accident.
            attributes.immutable = true;
            out_.deployment = root.add_directory(folder, name, attributes);
            places[""] = out_.deployment;
            return;
        }
        const auto [parent, base] = split(directory.path);
        if (directory.path == "etc") {
            throw Error(ErrorKind::invalid, "the commit has both /etc and /usr/etc");
        }
        places[directory.path] = root.add_directory(places.find(parent)->second, base, attributes);
        if (const std::optional<std::string> copy = etc_path(directory.path)) {
            const auto [copy_parent, copy_base] = split(*copy);
            places[*copy] = root.add_directory(places.find(copy_parent)->second, copy_base, attributes);
        }
    }

    void copy_file(InodeId parent, std::string_view name, const Sha256& checksum) {
        // This must be a copy: adding an inode may move the others.
        const Inode original = out_.root.inode(repository_->file(checksum));
        if (original.kind == InodeKind::symlink) {
            out_.root.add_symlink(parent, name, original.attributes, original.content.bytes);
        } else {
            out_.root.add_file(parent, name, original.attributes, original.content);
        }
    }

    void make_boot_links() {
        FileTree& root = out_.root;
        root.add_symlink(ostree_, kBootVersion, directory_, std::string(kBootSubversion));
        const InodeId links = root.make_directories(
            concat(kBootSubversion, '/', spec_.stateroot, '/', kernel_.checksum), directory_, ostree_);
        root.add_symlink(links, "0", directory_,
                         concat("../../../deploy/", spec_.stateroot, "/deploy/", id_.to_string()));
    }

    void make_boot() {
        FileTree& boot = out_.boot;
        // If BOOT is a directory of the root, paths of entries begin with /boot. This link makes both forms
        // valid.
        boot.add_symlink(0, "boot", directory_, ".");
        const std::string folder = concat("ostree/", spec_.stateroot, '-', kernel_.checksum);
        const InodeId files = boot.make_directories(folder, directory_);
        std::vector<KernelFile> all{kernel_.image, kernel_.initramfs};
        all.insert(all.end(), kernel_.others.begin(), kernel_.others.end());
        for (const KernelFile& file : all) {
            boot.add_file(files, file.name, {.mode = 0644, .mtime = 0},
                          Content::of_object(ostree::ObjectType::file, file.object, file.size));
        }
        make_entry(folder);
        const InodeId entries = boot.make_directories("loader.1/entries", directory_);
        boot.add_symlink(0, "loader", directory_, "loader.1");
        boot.add_file(entries, out_.entry.id + ".conf", file_, Content::of(to_string(out_.entry)));
    }

    void make_entry(const std::string& folder) {
        BootEntry& entry = out_.entry;
        entry.id = concat("ostree-1-", spec_.stateroot);
        entry.title = printable_title(deployment_title(
            read_os_release(source_, walk_), ostree::read_commit_info(source_, id_.commit).version, 0));
        // Not from a literal: g++ 12 warns of overlapping memory for one (-Wrestrict, GCC bug 105329).
        entry.version = std::string(1, '1');
        for (const std::string& argument : spec_.kernel_arguments) entry.options += argument + ' ';
        entry.options +=
            concat("ostree=/ostree/", kBootVersion, '/', spec_.stateroot, '/', kernel_.checksum, "/0");
        entry.kernel = concat('/', folder, '/', kernel_.image.name);
        entry.initrds = {concat('/', folder, '/', kernel_.initramfs.name)};
    }

    static std::pair<std::string_view, std::string_view> split(std::string_view path) {
        const std::size_t slash = path.rfind('/');
        if (slash == std::string_view::npos) return {{}, path};
        return {path.substr(0, slash), path.substr(slash + 1)};
    }

    // Returns the path in /etc for a path below usr/etc.
    static std::optional<std::string> etc_path(std::string_view path) {
        if (!path.starts_with(kUsrEtc)) return std::nullopt;
        const std::string_view rest = path.substr(kUsrEtc.size());
        if (!rest.empty() && rest.front() != '/') return std::nullopt;
        return concat("etc", rest);
    }

    const ostree::Repository& source_;
    const ostree::CommitWalk& walk_;
    const ostree::DeploymentId id_;
    const Kernel& kernel_;
    const DeploymentSpec& spec_;
    Attributes directory_;
    Attributes file_;
    SysrootLayout out_;
    InodeId ostree_ = 0;
    InodeId stateroot_ = 0;
    std::optional<RepositoryLayout> repository_;
};

}  // namespace

SysrootLayout lay_out_sysroot(const ostree::Repository& repository, const ostree::CommitWalk& walk,
                              const Kernel& kernel, const DeploymentSpec& spec, unsigned jobs) {
    return Layout(repository, walk, kernel, spec, jobs).run();
}

}  // namespace osb::image

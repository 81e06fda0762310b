#include "tests/support/test_sysroot.hh"

#include <ostree.h>
#include <sys/mount.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <stdexcept>

#include "base/bytes.hh"
#include "base/progress.hh"
#include "image/boot/boot_menu.hh"
#include "image/boot/syslinux.hh"
#include "ostree/import/import.hh"
#include "tests/support/memory_image.hh"
#include "tests/support/tar_builder.hh"

namespace osb::test {
namespace {

namespace fs = std::filesystem;

void require(bool ok, GError* error) {
    const std::unique_ptr<GError, decltype(&g_error_free)> owned(error, g_error_free);
    if (!ok) throw std::runtime_error(error != nullptr ? error->message : "libostree failed");
}

void init_sysroot(const std::string& path) {
    fs::create_directories(path);
    const std::unique_ptr<GFile, decltype(&g_object_unref)> file(g_file_new_for_path(path.c_str()),
                                                                 g_object_unref);
    const std::unique_ptr<OstreeSysroot, decltype(&g_object_unref)> sysroot(ostree_sysroot_new(file.get()),
                                                                            g_object_unref);
    GError* error = nullptr;
    require(ostree_sysroot_ensure_initialized(sysroot.get(), nullptr, &error) != 0, error);
    error = nullptr;
    require(ostree_sysroot_load(sysroot.get(), nullptr, &error) != 0, error);
    error = nullptr;
    require(ostree_sysroot_init_osname(sysroot.get(), TestSysroot::kStateroot, nullptr, &error) != 0, error);
}

}  // namespace

TestSysroot::TestSysroot() {
    init_sysroot(path());
    // One that does not wait for the disk.
    std::ofstream(path() + "/ostree/repo/config", std::ios::app)
        << "fsync=false\n[sysroot]\nbootloader=zipl\n";
    fs::create_directories(path() + "/boot/loader.0/entries");
    fs::create_symlink("loader.0", path() + "/boot/loader");
    write("boot/extlinux/extlinux.conf", image::menu_settings("/extlinux/entries.conf"));
    write("boot/extlinux/entries.conf", "# none yet\n");
}

TestSysroot::~TestSysroot() {
    // Sysroot::open_locked() has mounted something over it, in this process's own namespace; what is mounted
    // cannot be removed.
    while (::umount2((path() + "/ostree/repo/config").c_str(), MNT_DETACH) == 0) continue;
    // Deployments are immutable (chattr +i).
    const int status = std::system(concat("chattr -R -f -i ", path(), " 2>/dev/null").c_str());  // NOLINT
    static_cast<void>(status);
}

void TestSysroot::add_syslinux() const {
    // Read once: SYSLINUX's installer takes longer than most tests.
    static const std::string kLoader = image::find_syslinux().loader;
    write("boot/extlinux/ldlinux.sys", kLoader);
}

std::string TestSysroot::read(std::string_view below) const {
    std::ifstream file(concat(path(), '/', below));
    return {std::istreambuf_iterator<char>(file), {}};
}

void TestSysroot::write(std::string_view below, std::string_view text) const {
    const fs::path target(concat(path(), '/', below));
    fs::create_directories(target.parent_path());
    std::ofstream(target) << text;
}

struct TestSysroot::Content {
    std::string version;
    std::string kernel = "kernel";
    std::string ref = "os/test";
    std::set<std::string_view> without{};  // files for trials
};

ostree::CommitId TestSysroot::add_commit(const std::string& version, const std::string& kernel,
                                         const std::string& ref) const {
    return add({.version = version, .kernel = kernel, .ref = ref});
}

ostree::CommitId TestSysroot::add_commit_without(std::string_view file, std::string_view other) const {
    return add({.version = "1", .without = {file, other}});
}

ostree::CommitId TestSysroot::add(const Content& content) const {
    constexpr std::string_view kProgram = "usr/bin/osb-oci";
    constexpr std::string_view kService = "etc/runlevels/default/osb-boot-check";
    TarBuilder tar;
    tar.directory("boot").directory("etc").directory("sbin").directory("lib").directory("var").directory(
        "sysroot");
    tar.directory("lib/modules").directory("lib/modules/6.1.0");
    tar.file("boot/vmlinuz-6.1.0", content.kernel).file("boot/initramfs-6.1.0", "initramfs");
    tar.file("lib/modules/6.1.0/modules.dep", "").file("sbin/init", "#!/bin/sh\n", 0755);
    // What a deployment needs to be tried.
    tar.directory("usr").directory("usr/bin").directory("etc/runlevels").directory("etc/runlevels/default");
    if (!content.without.contains(kProgram)) tar.file(std::string(kProgram), "#!/bin/sh\n", 0755);
    if (!content.without.contains(kService)) tar.symlink(std::string(kService), "/etc/init.d/osb-boot-check");
    const std::string number = content.version.substr(0, content.version.find('\n'));
    tar.file("etc/os-release",
             concat("ID=test\nPRETTY_NAME=\"Test ", number, "\"\nVERSION_ID=", number, "\n"));
    tar.file("etc/default", content.version);
    MemoryImageOptions options;
    options.labels["org.opencontainers.image.version"] = content.version;
    const MemoryImage image = make_image({{tar.finish()}}, options);
    ostree::Repository repository = ostree::Repository::open(path() + "/ostree/repo");
    NoProgress progress;
    ostree::ImportOptions import;
    import.ref = ostree::RefName::parse(content.ref);
    return ostree::import_image(repository, image.image, import, progress).commit;
}

ostree::CommitId TestSysroot::add_commit_with_metadata(const std::string& key,
                                                       const std::string& text) const {
    const ostree::CommitId plain = add_commit("1");
    const std::unique_ptr<GFile, decltype(&g_object_unref)> file(
        g_file_new_for_path((path() + "/ostree/repo").c_str()), g_object_unref);
    const std::unique_ptr<OstreeRepo, decltype(&g_object_unref)> repo(ostree_repo_new(file.get()),
                                                                      g_object_unref);
    GError* error = nullptr;
    require(ostree_repo_open(repo.get(), nullptr, &error) != 0, error);
    GFile* tree = nullptr;
    require(ostree_repo_read_commit(repo.get(), plain.c_str(), &tree, nullptr, nullptr, &error) != 0, error);
    const std::unique_ptr<GFile, decltype(&g_object_unref)> root(tree, g_object_unref);
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&builder, "{sv}", key.c_str(), g_variant_new_string(text.c_str()));
    char* checksum = nullptr;
    require(ostree_repo_write_commit(repo.get(), nullptr, "", nullptr, g_variant_builder_end(&builder),
                                     OSTREE_REPO_FILE(root.get()), &checksum, nullptr, &error) != 0,
            error);
    const std::unique_ptr<char, decltype(&g_free)> owned(checksum, g_free);
    return ostree::CommitId::parse(checksum);
}

ostree::Deployment TestSysroot::no_deployment() {
    return {.id = {.stateroot = {}, .commit = ostree::CommitId(Sha256{})}};
}

ostree::Deployment TestSysroot::install(const ostree::CommitId& commit, const std::string& origin) const {
    ostree::Sysroot sysroot = ostree::Sysroot::open_locked(path());
    const ostree::Deployment made = sysroot.deploy({.stateroot = kStateroot,
                                                    .commit = commit,
                                                    .origin = origin,
                                                    .kernel_options = {"root=LABEL=ROOT", "rw"},
                                                    .merge = std::nullopt});
    sysroot.write({made});
    return *sysroot.find(made.id);
}

}  // namespace osb::test

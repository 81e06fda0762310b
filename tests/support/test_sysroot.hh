// A sysroot in a temporary directory, with BOOT as a directory of it and our menu in there, and commits that
// it can deploy. Needs root, as libostree's deployments do.
#pragma once

#include <string>
#include <string_view>

#include "ostree/sysroot/sysroot.hh"
#include "tests/support/temp_directory.hh"

namespace osb::test {

// Of a deployment that follows an image.
inline constexpr const char* kImageOrigin =
    "[origin]\ncontainer-image-reference=ostree-unverified-registry:quay.io/x/os:1\n";

class TestSysroot {
  public:
    TestSysroot();
    ~TestSysroot();
    TestSysroot(const TestSysroot&) = delete;
    TestSysroot& operator=(const TestSysroot&) = delete;

    std::string path() const { return directory_ / "sysroot"; }
    // Puts SYSLINUX into BOOT, so that a deployment can be tried.
    void add_syslinux() const;
    // Of a file below it; "" when it is not there.
    std::string read(std::string_view below) const;
    void write(std::string_view below, std::string_view text) const;

    // A commit with a system that could boot; `kernel` is the content of its kernel. Names it by `ref`.
    ostree::CommitId add_commit(const std::string& version, const std::string& kernel = "kernel",
                                const std::string& ref = "os/test") const;
    // The same system without one or two files that a deployment needs to be tried.
    ostree::CommitId add_commit_without(std::string_view file, std::string_view other = {}) const;
    // The same system, in a commit of which a metadata key has that text.
    ostree::CommitId add_commit_with_metadata(const std::string& key, const std::string& text) const;
    // Deploys the first one, as an installation does.
    // Stands in a fixture for what is made in its SetUp().
    static ostree::Deployment no_deployment();
    ostree::Deployment install(const ostree::CommitId& commit, const std::string& origin) const;

    static constexpr const char* kStateroot = "default";

  private:
    struct Content;
    ostree::CommitId add(const Content& content) const;

    TempDirectory directory_{TempDirectory::in_memory()};
};

}  // namespace osb::test

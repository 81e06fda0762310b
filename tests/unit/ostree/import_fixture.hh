// What the tests of import share: a repository in a temporary directory, and images made of a few entries.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hh"
#include "base/log.hh"
#include "ostree/import/import.hh"
#include "tests/support/commit_listing.hh"
#include "tests/support/memory_image.hh"
#include "tests/support/tar_builder.hh"
#include "tests/support/temp_directory.hh"

namespace osb::test {

class ImportTest : public ::testing::Test {
  protected:
    void SetUp() override {
        set_log_sink([this](LogLevel level, const std::string& line) {
            if (level == LogLevel::warning) warnings_.push_back(line);
        });
    }
    void TearDown() override { set_log_sink({}); }

    std::string repo_path() const { return directory_ / "repo"; }

    ostree::ImportResult import(const oci::Image& image, ostree::ImportOptions options = {}) {
        if (!options.ref) options.ref = ostree::RefName::parse("os/test");
        make_quick(repo_path());
        ostree::Repository repository = ostree::Repository::open_or_create(repo_path());
        NoProgress progress;
        return ostree::import_image(repository, image, options, progress);
    }

    // A repository that does not wait for the disk: hundreds of imports would.
    static void make_quick(const std::string& path) {
        if (!std::filesystem::exists(path)) ostree::Repository::create(path, ostree::RepoMode::archive);
        std::ifstream in(path + "/config");
        const std::string config{std::istreambuf_iterator<char>(in), {}};
        if (config.find("fsync") != std::string::npos) return;
        std::ofstream(path + "/config") << "[core]\nfsync=false\n" << config.substr(config.find('\n') + 1);
    }

    // Imports layers with the layout that leaves the tree as it is, and lists the commit.
    Listing plain(const std::vector<TarBuilder>& layers) { return imported(layers, ostree::Layout::plain); }
    Listing bootable(const std::vector<TarBuilder>& layers) {
        return imported(layers, ostree::Layout::bootable);
    }

    Listing imported(const std::vector<TarBuilder>& layers, ostree::Layout layout) {
        result_ = import(image_of(layers).image, {.layout = layout});
        return list_commit(repo_path(), "os/test");
    }

    static MemoryImage image_of(const std::vector<TarBuilder>& layers) {
        std::vector<MemoryLayer> out;
        for (const TarBuilder& layer : layers) out.push_back({layer.finish()});
        return make_image(out);
    }

    // The message of the Error that importing these layers ends with; fails the test when it does not, or is
    // not one of refused input.
    std::string refusal(const std::vector<TarBuilder>& layers,
                        ostree::Layout layout = ostree::Layout::plain) {
        const MemoryImage image = image_of(layers);
        make_quick(repo_path());
        const auto before = ostree::Repository::open(repo_path()).resolve("os/test");
        try {
            import(image.image, {.layout = layout});
        } catch (const Error& error) {
            EXPECT_EQ(exit_status(error.kind()), 3) << error.message();
            ostree::Repository repository = ostree::Repository::open(repo_path());
            EXPECT_EQ(repository.resolve("os/test"), before) << "a ref moved";
            return error.message();
        }
        ADD_FAILURE() << "was imported";
        return {};
    }

    TempDirectory directory_;
    std::vector<std::string> warnings_;
    std::optional<ostree::ImportResult> result_;
};

inline std::string content(const Listing& listing, const std::string& path) {
    const auto found = listing.find(path);
    return found == listing.end() ? "(absent)" : found->second.content;
}

inline char type(const Listing& listing, const std::string& path) {
    const auto found = listing.find(path);
    return found == listing.end() ? '-' : found->second.type;
}

}  // namespace osb::test

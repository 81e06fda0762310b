// The report of an upgrade: the amounts of an image and of a remote's ref.
#include "cli/reports/upgrade_report.hh"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace osb::cli {
namespace {

system::UpgradeReport deployed_report() {
    system::UpgradeReport out;
    out.result = system::UpgradeResult::deployed;
    out.image = "origin:os/main";
    out.commit = ostree::CommitId::parse(std::string(64, 'a'));
    out.release.version = "2";
    return out;
}

system::UpgradeReport remote_report(const ostree::FetchedObjects& objects) {
    system::UpgradeReport out = deployed_report();
    out.objects = objects;
    out.bytes_read = objects.bytes_transferred;
    return out;
}

TEST(UpgradeReportTest, CountsTheObjectsOfARemote) {
    const auto report = remote_report({.metadata = 15, .content = 3, .bytes_transferred = 24576});
    EXPECT_EQ(describe_upgrade(report),
              "deployed origin:os/main: version '2' (aaaaaaaaaaaa)\n"
              "15 metadata, 3 content objects fetched; 24.0 KiB transferred\n");
    const OrderedJson json = upgrade_to_json(report);
    EXPECT_EQ(json["objects"].dump(), R"({"metadata":15,"content":3,"delta_parts":0})");
    EXPECT_EQ(json["bytes_read"], 24576);
}

TEST(UpgradeReportTest, CountsThePartsOfADelta) {
    auto report = remote_report({.metadata = 3, .content = 0, .delta_parts = 1, .bytes_transferred = 500});
    report.result = system::UpgradeResult::downloaded;
    EXPECT_EQ(describe_upgrade(report),
              "fetched origin:os/main: version '2' (aaaaaaaaaaaa); 'osb-oci upgrade' deploys it\n"
              "3 metadata, 0 content objects, 1 delta part fetched; 500 B transferred\n");
}

TEST(UpgradeReportTest, CountsNothingOfALocalRemote) {
    EXPECT_EQ(describe_upgrade(deployed_report()), "deployed origin:os/main: version '2' (aaaaaaaaaaaa)\n");
    EXPECT_TRUE(upgrade_to_json(deployed_report())["objects"].is_null());
}

TEST(UpgradeReportTest, CountsTheBytesOfAnImage) {
    system::UpgradeReport report = deployed_report();
    report.image = "docker://x/os:1";
    report.digest = "sha256:" + std::string(64, 'b');
    report.bytes_read = 1024;
    EXPECT_EQ(describe_upgrade(report),
              "deployed docker://x/os:1: version '2' (sha256:bbbbbbbbbbbb), read 1.0 KiB\n");
    report.transfer = {.way = "objects", .bytes = 2048, .requests = 3, .layer_bytes = 4096};
    EXPECT_EQ(describe_upgrade(report),
              "deployed docker://x/os:1: version '2' (sha256:bbbbbbbbbbbb), read 2.0 KiB in 3 requests, by "
              "objects; "
              "whole layers have 4.0 KiB\n");
    EXPECT_TRUE(upgrade_to_json(report)["objects"].is_null());
}

}  // namespace
}  // namespace osb::cli

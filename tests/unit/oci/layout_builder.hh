// Image layouts for tests: made in memory, written as a directory or as a tar archive, damaged at will.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "oci/documents/digest.hh"
#include "oci/documents/json.hh"
#include "oci/documents/media_type.hh"
#include "tests/support/tar_builder.hh"
#include "tests/support/temp_directory.hh"

namespace osb::oci {

using test::TempDirectory;

inline void write_file(const std::filesystem::path& path, std::string_view content) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
    if (!out.flush()) throw Error(ErrorKind::io, "cannot write " + path.string());
}

inline Json descriptor_json(std::string_view media_type, std::string_view content) {
    return {{"mediaType", media_type},
            {"digest", Digest::of(as_bytes(content)).to_string()},
            {"size", content.size()}};
}

// A layout in memory: paths and contents.
class LayoutBuilder {
  public:
    LayoutBuilder() { files_["oci-layout"] = R"({"imageLayoutVersion":"1.0.0"})"; }

    // Adds a blob and returns its descriptor.
    Json blob(std::string_view media_type, const std::string& content) {
        Json descriptor = descriptor_json(media_type, content);
        files_[blob_path(descriptor)] = content;
        return descriptor;
    }

    static std::string blob_path(const Json& descriptor) {
        std::string digest = descriptor.at("digest");
        digest[digest.find(':')] = '/';
        return "blobs/" + digest;
    }

    static std::string config(const std::string& architecture, const std::vector<std::string>& layers) {
        Json diff_ids = Json::array();
        for (const std::string& layer : layers) diff_ids.push_back(Digest::of(as_bytes(layer)).to_string());
        const Json out{{"architecture", architecture},
                       {"os", "linux"},
                       {"created", "2024-05-06T07:08:09Z"},
                       {"config", {{"Labels", {{"k", "v"}}}}},
                       {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}}};
        return out.dump();
    }

    // Adds an image of uncompressed layers and returns its manifest's descriptor, without platform.
    Json image(const std::string& architecture, const std::vector<std::string>& layers) {
        Json manifest{{"schemaVersion", 2}, {"mediaType", kMediaTypeManifest}, {"layers", Json::array()}};
        manifest["config"] = blob(kMediaTypeConfig, config(architecture, layers));
        for (const std::string& layer : layers) manifest["layers"].push_back(blob(kMediaTypeLayer, layer));
        return blob(kMediaTypeManifest, manifest.dump());
    }

    static Json index_json(const std::vector<Json>& entries) {
        return {{"schemaVersion", 2}, {"mediaType", kMediaTypeIndex}, {"manifests", entries}};
    }
    void index(const std::vector<Json>& entries) { files_["index.json"] = index_json(entries).dump(); }

    void write(const std::filesystem::path& directory) const {
        for (const auto& [path, content] : files_) write_file(directory / path, content);
    }

    std::string tar(const std::string& prefix = "") const {
        test::TarBuilder out;
        for (const auto& [path, content] : files_) out.file(prefix + path, content);
        return out.finish();
    }

    std::map<std::string, std::string>& files() { return files_; }

  private:
    std::map<std::string, std::string> files_;
};

inline Json tagged(Json descriptor, const std::string& tag) {
    descriptor["annotations"]["org.opencontainers.image.ref.name"] = tag;
    return descriptor;
}

inline Json for_platform(Json descriptor, const std::string& os, const std::string& architecture,
                         const std::string& variant = "") {
    descriptor["platform"] = {{"os", os}, {"architecture", architecture}};
    if (!variant.empty()) descriptor["platform"]["variant"] = variant;
    return descriptor;
}

// Runs f, which must throw an Error of this kind, and returns the error for a look at its message.
template<typename F>
Error expect_error(ErrorKind kind, F&& f) {
    try {
        std::forward<F>(f)();
    } catch (const Error& error) {
        EXPECT_EQ(to_string(error.kind()), to_string(kind)) << error.message();
        for (const char c : error.message())
            EXPECT_FALSE((c >= 0 && c < ' ') || c == 0x7F) << error.message();
        return error;
    }
    ADD_FAILURE() << "no error";
    return {ErrorKind::internal, ""};
}

}  // namespace osb::oci

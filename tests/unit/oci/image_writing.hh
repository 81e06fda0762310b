// A small image for tests of sinks.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "oci/documents/manifest_writer.hh"
#include "oci/transports/image_sink.hh"
#include "tests/unit/oci/writer_test_util.hh"

namespace osb::oci {

inline void put_test_blob(ImageSink& sink, std::string_view content) {
    const auto upload = sink.start_blob(std::nullopt);
    upload->write(as_bytes(content.substr(0, content.size() / 2)));
    upload->write(as_bytes(content.substr(content.size() / 2)));
    upload->finish(Digest::of(as_bytes(content)));
}

// Writes an image with one layer that has a file with `text`. Returns its manifest.
inline std::string put_test_image(ImageSink& sink, const std::string& text,
                                  const std::string& format = "gzip") {
    const auto upload = sink.start_blob(std::nullopt);
    const auto writer = make_layer_writer(*upload, LayerFormat::parse(format), nullptr);
    write_members(writer->tar(), {file_member("file", text)});
    const WrittenLayer layer = writer->finish();
    upload->finish(layer.descriptor.digest);
    ConfigFields fields;
    fields.platform = {.os = "linux", .architecture = "amd64", .variant = ""};
    fields.diff_ids = {layer.diff_id};
    const std::string config = write_config(fields);
    put_test_blob(sink, config);
    const std::string manifest = write_manifest(describe(kMediaTypeConfig, config), {layer.descriptor}, {});
    sink.put_manifest(manifest, kMediaTypeManifest);
    return manifest;
}

inline std::vector<std::string> test_names_in(const std::filesystem::path& directory) {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(directory))
        out.push_back(entry.path().filename());
    std::sort(out.begin(), out.end());
    return out;
}

}  // namespace osb::oci

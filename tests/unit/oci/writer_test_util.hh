// What the tests of writing share: sinks and entries in memory, content that does and does not compress.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/stream.hh"
#include "base/task_pool.hh"
#include "oci/chunked/layer_writer.hh"
#include "oci/tar/tar_reader.hh"
#include "tests/support/string_sink.hh"

namespace osb::oci {

using TextSink = test::StringSink;

// Bytes that look random; the same for the same seed.
inline std::string noise(std::size_t size, std::uint64_t seed = 1) {
    std::string out(size, '\0');
    std::uint64_t state = seed * 0x9E3779B97F4A7C15 + 1;
    for (char& c : out) {
        state ^= state << 13U;
        state ^= state >> 7U;
        state ^= state << 17U;
        c = static_cast<char>(state >> 32U);
    }
    return out;
}

// Lines of text, all different.
inline std::string lines(std::size_t size, std::uint64_t seed = 1) {
    std::string out;
    for (std::uint64_t i = seed; out.size() < size; i += 7)
        out += "line " + std::to_string(i * i) + " of some text\n";
    out.resize(size);
    return out;
}

struct Member {
    TarEntry entry;
    std::string content;
};

// All of an entry but its path.
inline void expect_same_metadata(const TarEntry& got, const TarEntry& want) {
    EXPECT_EQ(got.type, want.type) << want.path;
    EXPECT_EQ(got.link_target, want.link_target) << want.path;
    EXPECT_EQ(got.mode, want.mode) << want.path;
    EXPECT_EQ(got.uid, want.uid) << want.path;
    EXPECT_EQ(got.gid, want.gid) << want.path;
    EXPECT_EQ(got.size, want.size) << want.path;
    EXPECT_EQ(got.device_major, want.device_major) << want.path;
    EXPECT_EQ(got.device_minor, want.device_minor) << want.path;
    EXPECT_EQ(got.xattrs, want.xattrs) << want.path;
}

inline Member file_member(const std::string& path, std::string content) {
    TarEntry entry;
    entry.path = path;
    entry.mode = 0644;
    entry.size = content.size();
    return {.entry = entry, .content = std::move(content)};
}

inline Member other_member(TarType type, const std::string& path, const std::string& target = "") {
    TarEntry entry;
    entry.type = type;
    entry.path = path;
    entry.link_target = target;
    entry.mode = 0755;
    return {.entry = entry, .content = ""};
}

// Contents are handed over in pieces of at most `step` bytes.
inline void write_members(TarWriter& tar, const std::vector<Member>& members, std::size_t step = 100000) {
    for (const Member& member : members) {
        tar.begin(member.entry);
        std::string_view rest = member.content;
        while (!rest.empty()) {
            const std::string_view piece = rest.substr(0, step);
            tar.write(as_bytes(piece));
            rest.remove_prefix(piece.size());
        }
    }
}

// Runs `work` as the producer of a pool of so many threads; with 0 without a pool.
inline void with_threads(unsigned threads, const std::function<void(TaskPool*)>& work) {
    if (threads == 0) {
        work(nullptr);
        return;
    }
    TaskPool pool(threads, 8UL << 20U);
    pool.add_producer([&] { work(&pool); });
    pool.run();
}

struct LayerBytes {
    std::string blob;
    std::unique_ptr<WrittenLayer> layer;
};

inline LayerBytes write_layer(const std::vector<Member>& members, const std::string& format, unsigned threads,
                              std::size_t step = 100000) {
    TextSink blob;
    LayerBytes out;
    with_threads(threads, [&](TaskPool* pool) {
        const auto writer = make_layer_writer(blob, LayerFormat::parse(format), pool);
        write_members(writer->tar(), members, step);
        out.layer = std::make_unique<WrittenLayer>(writer->finish());
    });
    out.blob = std::move(blob.text);
    return out;
}

}  // namespace osb::oci

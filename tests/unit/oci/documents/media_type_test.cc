#include "oci/documents/media_type.hh"

#include <gtest/gtest.h>

#include "tests/unit/oci/layout_builder.hh"

namespace osb::oci {
namespace {

TEST(MediaType, Documents) {
    EXPECT_EQ(document_kind(kMediaTypeIndex), DocumentKind::index);
    EXPECT_EQ(document_kind(kMediaTypeDockerManifestList), DocumentKind::index);
    EXPECT_EQ(document_kind(kMediaTypeManifest), DocumentKind::manifest);
    EXPECT_EQ(document_kind(kMediaTypeDockerManifest), DocumentKind::manifest);
    EXPECT_EQ(document_kind(concat(kMediaTypeManifest, "; charset=utf-8")), DocumentKind::manifest);
    EXPECT_EQ(document_kind("Application/vnd.OCI.image.manifest.v1+JSON"), DocumentKind::manifest);
}

TEST(MediaType, Essence) {
    EXPECT_EQ(media_type_essence(" text/Plain ;a=b;c"), "text/plain");
    EXPECT_EQ(media_type_essence(""), "");
    EXPECT_EQ(media_type_essence(" ; x"), "");
}

TEST(MediaType, RefusesSchema1WithAdvice) {
    for (const char* type : {"application/vnd.docker.distribution.manifest.v1+json",
                             "application/vnd.docker.distribution.manifest.v1+prettyjws"}) {
        const Error error = expect_error(ErrorKind::unsupported, [type] { document_kind(type); });
        EXPECT_NE(error.message().find("schema 1"), std::string::npos);
        EXPECT_NE(error.hint().find("push"), std::string::npos);
    }
}

TEST(MediaType, RefusesUnknownDocuments) {
    for (const char* type : {"", "application/json", "text/html", "\x1b]52;c;x\x07"}) {
        expect_error(ErrorKind::unsupported, [type] { document_kind(type); });
    }
}

TEST(MediaType, Layers) {
    EXPECT_EQ(layer_compression(kMediaTypeLayer), Compression::none);
    EXPECT_EQ(layer_compression(kMediaTypeLayerGzip), Compression::gzip);
    EXPECT_EQ(layer_compression(kMediaTypeLayerZstd), Compression::zstd);
    EXPECT_EQ(layer_compression(kMediaTypeDockerLayer), Compression::none);
    EXPECT_EQ(layer_compression(kMediaTypeDockerLayerGzip), Compression::gzip);
    EXPECT_EQ(layer_compression(kMediaTypeDockerLayerZstd), Compression::zstd);
    EXPECT_EQ(layer_compression("application/octet-stream"), Compression::none);
}

// The blobs of such layers are often there, for example behind `dockerd --allow-nondistributable-artifacts`.
TEST(MediaType, ForeignLayers) {
    const char* const gzip = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    const char* const zstd = "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd";
    EXPECT_TRUE(is_foreign_layer(gzip));
    EXPECT_TRUE(is_foreign_layer(zstd));
    EXPECT_FALSE(is_foreign_layer(kMediaTypeDockerLayerGzip));
    EXPECT_EQ(layer_compression(gzip), Compression::gzip);
    EXPECT_EQ(layer_compression(zstd), Compression::zstd);
}

TEST(MediaType, RefusesOtherLayers) {
    const auto message = [](std::string_view type) {
        return expect_error(ErrorKind::unsupported, [type] { layer_compression(type); }).message();
    };
    EXPECT_NE(message("application/vnd.oci.image.layer.v1.tar+gzip+encrypted").find("encrypted"),
              std::string::npos);
    EXPECT_NE(message("application/vnd.oci.image.layer.v1.tar+xz").find("unknown"), std::string::npos);
    EXPECT_NE(message("").find("unknown"), std::string::npos);
}

}  // namespace
}  // namespace osb::oci

#include "store/record.h"

#include <gtest/gtest.h>

namespace pdp::store {
namespace {

Record Full() {
  Record record;
  record.last_updated = "2024-05-01T12:00:00.000Z";
  record.version_id = "v1";
  record.project = "p";
  record.last_version = "v0";
  record.subjects = {"Patient/1", "User/2"};
  record.bytes = std::string(300, 'x') + std::string("\0{", 2);
  return record;
}

TEST(RecordTest, WhatIsEncodedIsDecoded) {
  Record tombstone;
  tombstone.deleted = true;
  for (const Record& record : {Full(), tombstone}) {
    const auto decoded = DecodeRecord(EncodeRecord(record));
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(*decoded, record);
  }
}

TEST(RecordTest, EveryTruncationIsDataLoss) {
  const std::string encoded = EncodeRecord(Full());
  for (size_t size = 0; size < encoded.size(); ++size) {
    SCOPED_TRACE(size);
    EXPECT_EQ(DecodeRecord(encoded.substr(0, size)).status().code(),
              absl::StatusCode::kDataLoss);
  }
}

TEST(RecordTest, AnythingMoreIsDataLoss) {
  EXPECT_EQ(DecodeRecord(EncodeRecord(Full()) + "x").status().code(),
            absl::StatusCode::kDataLoss);
}

TEST(RecordTest, AnUnknownVersionOrFlagIsDataLoss) {
  for (const size_t at : {size_t{0}, size_t{1}}) {
    std::string encoded = EncodeRecord(Full());
    encoded[at] = 2;
    EXPECT_EQ(DecodeRecord(encoded).status().code(),
              absl::StatusCode::kDataLoss);
  }
}

TEST(RecordTest, ALengthOfMoreThanThereIsIsDataLoss) {
  EXPECT_FALSE(DecodeRecord(std::string("\1\0\xff\xff\xff\xff\x0f", 7)).ok());
  EXPECT_FALSE(
      DecodeRecord(std::string("\1\0\xff\xff\xff\xff\xff\xff\xff", 9)).ok());
}

TEST(RecordTest, WhatIsCurrentHasItsRevision) {
  for (const uint64_t revision :
       {uint64_t{0}, uint64_t{1}, uint64_t{127}, uint64_t{128}, UINT64_MAX}) {
    SCOPED_TRACE(revision);
    const std::string encoded = EncodeCurrent(Full(), revision);
    const auto decoded = DecodeCurrent(encoded);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(decoded->record, Full());
    EXPECT_EQ(decoded->revision, revision);
    for (size_t size = 0; size < encoded.size(); ++size) {
      EXPECT_EQ(DecodeCurrent(encoded.substr(0, size)).status().code(),
                absl::StatusCode::kDataLoss);
    }
  }
  const auto older = DecodeCurrent(EncodeRecord(Full()));
  ASSERT_TRUE(older.ok());
  EXPECT_EQ(older->record, Full());
  EXPECT_EQ(older->revision, 0u);
}

}  // namespace
}  // namespace pdp::store

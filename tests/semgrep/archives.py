import shutil
import tarfile
import zipfile

# ruleid: archive-unpacked-unfiltered
shutil.unpack_archive("data.tar.gz", "data")
with tarfile.open("data.tar") as tar:
    # ruleid: archive-unpacked-unfiltered
    tar.extract(member, "data")
    # ok: archive-unpacked-unfiltered
    tar.extract(member, "data", filter="data")
# ok: archive-unpacked-unfiltered
shutil.unpack_archive("data.tar.gz", "data", filter="data")

# ruleid: zip-unpacked-unbounded
zipfile.ZipFile("data.zip").extractall("data")
with zipfile.ZipFile("data.zip") as archive:
    # ruleid: zip-unpacked-unbounded
    archive.extractall("data")
    # ok: zip-unpacked-unbounded
    archive.namelist()

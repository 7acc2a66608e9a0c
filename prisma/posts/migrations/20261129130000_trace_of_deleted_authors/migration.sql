-- AlterTable
ALTER TABLE "deleted_authors" ADD COLUMN     "traceparent" TEXT;

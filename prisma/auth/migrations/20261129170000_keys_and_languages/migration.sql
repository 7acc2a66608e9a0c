-- CreateEnum
CREATE TYPE "signing_algorithm" AS ENUM ('EdDSA', 'ES256');

-- AlterTable
ALTER TABLE "api_keys" ADD COLUMN     "limit_max" INTEGER,
ADD COLUMN     "limit_window_seconds" INTEGER;

-- AlterTable
ALTER TABLE "pending_registrations" ADD COLUMN     "language" TEXT;

-- AlterTable
ALTER TABLE "signing_keys" ADD COLUMN     "algorithm" "signing_algorithm" NOT NULL DEFAULT 'EdDSA',
ADD COLUMN     "public_y" TEXT;

-- AlterTable
ALTER TABLE "users" ADD COLUMN     "language" TEXT;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Arrays;

/** Posts bodies and prints what came of each: java EarlyAnswers.java (url size times type authorization)… */
class EarlyAnswers {
  public static void main(String[] args) throws InterruptedException {
    for (int at = 0; at < args.length; at += 5) {
      byte[] body = new byte[Integer.parseInt(args[at + 1])];
      Arrays.fill(body, (byte) ' ');
      HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(args[at])).header("content-type", args[at + 3]).POST(HttpRequest.BodyPublishers.ofByteArray(body));
      if (!args[at + 4].isEmpty()) request.header("authorization", args[at + 4]);
      HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
      for (int i = 0; i < Integer.parseInt(args[at + 2]); i++) {
        try {
          System.out.println(client.send(request.build(), HttpResponse.BodyHandlers.ofString()).statusCode());
        } catch (IOException error) {
          System.out.println(error);
        }
      }
    }
    System.exit(0);
  }
}
